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
//!      MOUNT/PARENT/NAME/ve    the processes and their limit; belongs to the owner,
//!                              who may make groups below it and change no limit
//!      MOUNT/PARENT/NAME/shim  who serves them from outside, at their expense
//! v1   MOUNT/PARENT/NAME       limits and processes; belongs to host root
//!      MOUNT/PARENT/NAME/shim  as on v2, of cpu and cpuacct alone
//! ```
//!
//! v2 is the model, and a limit means what v2 says. Where a controller is on a
//! v1 hierarchy its value goes to the v1 files; what those cannot express is
//! refused by [`Host::check`]. Each controller is one file here, with its v2
//! and its v1 knobs side by side: `memory`, `cpu`, `cpuset`, `pids`, `io`,
//! `hugetlb`; `freezer` is one without a limit. Which file holds which limit is
//! one table, `knob`. Memory that is guaranteed is set by `promise` alone, since
//! it concerns all groups. `devices` says which devices may be opened, for which
//! v2 has no knob but a program of the caller's. What a group uses is read by
//! `usage`.
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
mod devices;
mod entry;
mod error;
mod freeze;
mod freezer;
mod group;
mod hierarchy;
mod host;
mod hugetlb;
mod io;
mod kill;
mod knob;
mod limits;
mod members;
mod memory;
mod pids;
#[cfg(test)]
mod plain;
mod promise;
mod refusals;
mod remove;
mod tree;
mod usage;
mod victim;

pub use controller::Controller;
pub use devices::DeviceRule;
pub use entry::Entry;
pub use error::{Error, ErrorKind, Refusal};
pub use freezer::Freezing;
pub use group::Group;
pub use host::Host;
pub use knob::{Files, Limit};
pub use limits::{Device, Effective, Limits};
pub use promise::Promised;
pub use refusals::Refusals;
pub use usage::{CpuUsage, IoUsage, MemoryUsage, Pressure, PressureUsage, Stall, Usage};
