//! What a VE may do to itself and to nobody else.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "all of this is a test, which writes files as an administrator or a fault would"
)]

mod entering;
mod fuse;
mod kernel;
mod mounts;
