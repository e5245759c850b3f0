//! What a process may do: ids, capabilities, system calls, resource limits, and
//! the plain state (signals, umask, scheduling) in which a program expects to
//! start.
//!
//! Everything here changes the calling process alone and can only take away,
//! but for [`Creator`], which lends an identity and gives it back.
//!
//! What this crate must not know: namespaces as descriptors, files, VEs.

mod capabilities;
mod creator;
mod filter;
mod identity;
mod limits;
mod plain;
mod start;

pub use capabilities::{WITHHELD, withhold};
pub use creator::Creator;
pub use filter::refuse_calls;
pub use identity::{Identity, become_root};
pub use limits::Rlimit;
pub use start::{Bounds, leave_caller, plain_start};
