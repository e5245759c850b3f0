//! Programs that are brought into a VE: what they are told, what they are kept
//! from, and what becomes of their status.
#![allow(clippy::unwrap_used, reason = "all of this is a test")]

mod hostile;
mod inside;
mod status;
mod streams;
mod terminal;
mod users;
