//! The harness of the suites: a host of its own for every test, VEs in one line,
//! and the proof at the end that nothing is left of either.
//!
//! ```no_run
//! use veld_tests::{Template, host};
//!
//! let host = host!();
//! let ve = host.ve("web1").template(Template::Busybox).start();
//! assert_eq!(ve.exec(["hostname"]).ok().line(), "web1");
//! ```
//!
//! A [`Host`] is all that Veld takes to be a host: directories, a cgroup parent,
//! a range of ids and a network namespace that no other test has. Dropped, it
//! destroys its VEs with `veld destroy --force --all`, looks for what is left
//! ([`Host::leaks`]) and fails the test for it; then it removes by force whatever
//! there is, so that the next test finds the machine as this one did.
//!
//! What is asserted comes from outside the product: the kernel's files, the
//! [`probe`] inside a VE, and the exact output of the command.
//!
//! Suites are `tests/SUITE/main.rs` with a file per theme. A test is a sentence
//! about the product; what it needs besides a host it says to [`host!`].
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "all of this is test code: what cannot be set up fails the test, and programs are what it runs"
)]

mod busybox;
mod cgroups;
mod cleanup;
mod command;
mod disk;
mod disposable;
mod file_server;
mod host;
mod images;
mod leaks;
mod links;
mod mirror;
mod needs;
mod network;
mod orphans;
mod prepare;
pub mod probe;
mod processes;
mod registry;
mod site;
mod slot;
mod template;
mod terminal;
mod tree;
mod ve;
mod wait;

pub use cgroups::Cgroup;
pub use command::{Cmd, Output, Running};
pub use disk::Disk;
pub use disposable::missing;
pub use file_server::FileServer;
pub use host::Host;
pub use images::{archive, copied_tree, oci_image, simplestreams};
pub use mirror::Mirror;
pub use needs::{lacks, lacks_v1, lacks_v2};
pub use prepare::prepare;
pub use processes::{alive, environment, namespace, signal, status_field};
pub use registry::Registry;
pub use site::Site;
pub use template::Template;
pub use terminal::Terminal;
pub use tree::{Walk, walk};
pub use ve::{Ve, VeBuilder};
pub use wait::{PATIENCE, eventually, until};

/// A [`Host`] for this test, or the end of it where this machine cannot run it.
///
/// `host!()` needs what every VE needs; `host!(Template::Debian)` a template too.
/// A test that is skipped says why and passes.
///
/// # Panics
/// Where nobody said that the machine is disposable.
#[macro_export]
macro_rules! host {
    ($($template:expr),*) => {
        match $crate::Host::new(&[$($template),*]) {
            Ok(host) => host,
            Err(reason) => {
                #[allow(clippy::print_stderr, reason = "whoever reads the log wants to know")]
                {
                    eprintln!("skipped: {reason}");
                }
                return;
            }
        }
    };
}
