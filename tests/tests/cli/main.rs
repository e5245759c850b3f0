//! What the command says and with which status, word for word: programs read it.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "all of this is a test, which writes files as an administrator or a fault would"
)]

mod configs;
mod disk;
mod doctor;
mod list;
mod messages;
mod places;
mod privilege;
mod settings;
