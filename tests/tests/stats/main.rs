//! What VEs use, in tables, in JSON, and on a full screen.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "all of this is a test, which reads the kernel's files itself"
)]

mod screen;
mod table;
