//! Snapshots of VEs, clones of them, and their names.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "all of this is a test"
)]

mod clone;
mod life;
mod publish;
mod rename;
mod schedule;
mod top;
