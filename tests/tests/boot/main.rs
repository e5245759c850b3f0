//! VEs that start with the host and stop with it.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "all of this is a test, which edits files as an administrator would"
)]

mod autostart;
mod delegated;
mod init_script;
mod unit;
