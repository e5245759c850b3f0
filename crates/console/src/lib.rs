//! A terminal in a VE and the user's, bound together for a while.
//!
//! - [`attach()`]: the VE's console, at the shim's socket; left by an escape.
//! - [`relay()`]: a program on a pty of the VE's own.
//! - [`pump()`]: a program on pipes, where it must not be given the user's terminal.
//!
//! All three are one loop over poll(2) on a few lanes, each a descriptor
//! to read, one to write and a bounded queue between. What the user handed us is
//! shared with whoever else has it open, so it is never made non-blocking: it is
//! asked for readiness and then given little at a time.
//!
//! Signals are read from a descriptor in the same loop, so that the terminal is
//! put back whatever asks us to end. The calling process has a single thread.
//!
//! What this crate must not know: VEs, their names and files, and how a program
//! is started in one.

mod attach;
mod escape;
mod lane;
mod pump;
mod raw;
mod relay;
mod signals;
mod socket;
mod user;
mod wait;

pub use attach::{Left, attach};
pub use pump::{Pair, pump};
pub use raw::RawTerminal;
pub use relay::{Over, relay};
pub use signals::Signals;
pub use socket::{connect, listen};
pub use user::User;
