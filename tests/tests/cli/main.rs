//! What the command says and with which status, word for word: programs read it.
#![allow(clippy::unwrap_used, reason = "all of this is a test")]

mod configs;
mod disk;
mod list;
mod messages;
mod places;
mod privilege;
