//! From clone to exec: PID 1 of a VE ([`boot()`]), and processes that join a
//! running VE ([`enter()`]).
//!
//! Both are one story. The parent clones a child into the VE's cgroup; the
//! child walks a fixed list of named steps, each of which makes it more a
//! process of the VE and less one of the host's; the last step executes a
//! program. A step that fails is told to the parent, which words it; the child
//! prints nothing.
//!
//! [`ask()`] runs a program in a VE for what it prints, by a deadline.
//! [`limit_tables()`] reaches into its user namespace.
//! [`quiet_console`] sends a child part of the way, to put right what a VE has
//! lost with its shim; [`change_nodes`] sends one to make and remove nodes of
//! devices in its /dev; [`change_mounts`] one to add and take away mounts, [`look_into`]
//! one to hand out its root. [`copy()`] has a child that copies files, and goes nowhere.
//!
//! What this crate must not know: VEs by name, config, where files are kept,
//! the order in which a start makes and undoes other things.

mod ask;
mod boot;
mod channel;
mod copy;
mod enter;
mod error;
mod guest_files;
mod inherited;
mod inside;
mod look;
mod mounts;
mod nodes;
mod quiet;
mod steps;
mod tables;
mod users;

pub use ask::{Answer, NoAnswer, ask};
pub use boot::{Birth, Born, boot};
pub use copy::{Copied, Copying, Guest, GuestRoot, Progress, Side, copy};
pub use enter::{Entered, Entry, Program, enter};
pub use error::{Error, ErrorKind};
pub use guest_files::{Names, Resolver};
pub use look::look_into;
pub use mounts::{Mounts, Removal, change_mounts, check_removals};
pub use nodes::{Nodes, change_nodes};
pub use quiet::{Quieting, quiet_console};
pub use tables::{limit_tables, read_tables};
pub use users::Who;
