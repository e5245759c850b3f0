//! The console of a VE: who may look and type, and what is kept of it.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "all of this is a test, which writes files as an administrator or a fault would"
)]

mod attach;
mod logs;
