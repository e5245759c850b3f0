//! Groups of processes: one named `PARENT/NAME` in cgroup v2 and in every v1
//! hierarchy of the host, with the limits it is to keep.
//!
//! [`Host`] knows what is mounted where and what can be enforced; [`Group`] is
//! one group, there or not; [`Entry`] is the open way into it. Nothing is
//! remembered: all that is done to a group follows from its two names, so a
//! group whose maker died can be killed and removed like any other.
//!
//! ```text
//! v2   MOUNT/PARENT/NAME       the limits; belongs to host root
//!      MOUNT/PARENT/NAME/ve    the processes; belongs to the owner, who may
//!                              make groups below it
//!      MOUNT/PARENT/NAME/shim  who serves them from outside, at their expense
//! v1   MOUNT/PARENT/NAME       limits and processes; belongs to host root
//!      MOUNT/PARENT/NAME/shim  as on v2, of cpu and cpuacct alone
//! ```
//!
//! v2 is the model, and a limit means what v2 says. Where a controller is on a
//! v1 hierarchy its value goes to the v1 files; what those cannot express is
//! refused by [`Host::check`]. Each controller is one file here, with its v2
//! and its v1 knobs side by side: `memory`, `cpu`, `cpuset`, `pids`; `freezer`
//! is the fifth, without a limit.
//!
//! No process is ever moved by its number, since the kernel waits for a grace
//! period then (8-45 ms): a process is born into v2 with `CLONE_INTO_CGROUP`
//! and writes itself into the v1 groups.
//!
//! What this crate must not know: what runs in a group, why a limit was chosen,
//! any mount point that the mount table did not name. It mounts nothing.

mod attendant;
mod controller;
mod cpu;
mod cpuset;
mod create;
mod entry;
mod error;
mod freezer;
mod group;
mod hierarchy;
mod host;
mod kill;
mod limits;
mod members;
mod memory;
mod pids;
#[cfg(test)]
mod plain;
mod refusals;
mod remove;
mod tree;

pub use controller::Controller;
pub use entry::Entry;
pub use error::{Error, ErrorKind, Refusal};
pub use group::Group;
pub use host::Host;
pub use limits::{Effective, Limits};
pub use refusals::Refusals;
