//! Namespaces: id maps, a private copy of the mount table, limits per
//! namespace, and joining those of a running process.
//!
//! Creating happens in `veld_sys::process::clone_into`; this crate is about
//! everything that must be said to the kernel around it. It works on process
//! numbers and descriptors only.
//!
//! What this crate must not know: cgroups, file systems, networks, VEs.

mod ids;
mod join;
mod mounts;
mod ucounts;

pub use ids::{IDS, IdRange};
pub use join::{join, join_mounts, join_users, open};
pub use mounts::PrivateMounts;
pub use ucounts::{NESTED, Table, limit_tables, read_tables};
