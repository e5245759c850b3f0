//! The relays between real terminals, pipes and processes.
//!
//! `examples/user.rs` is the process under test: it has signals, a controlling
//! terminal and standard descriptors of its own. The test is the terminal
//! emulator at the one end, and where there is a shim at the other, that too.
#![allow(
    clippy::disallowed_methods,
    reason = "the tests start the program that they are about"
)]
#![allow(clippy::unwrap_used, reason = "all of this is a test")]

mod attached;
mod on_pipes;
mod on_pty;
mod session;
