//! Programs that are brought into a VE: what they are told, what they are kept
//! from, and what becomes of their status.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "all of this is a test, which writes files as an administrator or a fault would"
)]

mod hostile;
mod inside;
mod status;
mod streams;
mod terminal;
mod users;
