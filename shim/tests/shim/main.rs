//! The shim as the launcher starts it, over real processes, ptys and sockets.
//!
//! `examples/launcher.rs` plays the launcher. `VELD_SHIM` names another build of
//! the shim to test; it is then held to the memory that a shipped one may use.
#![allow(
    clippy::disallowed_methods,
    reason = "the tests start the programs that they are about"
)]
#![allow(clippy::unwrap_used, reason = "all of this is a test")]
#![allow(clippy::print_stdout, reason = "a skipped test says why")]

mod boot;
mod end;
mod notices;
mod output;
mod refusals;
mod typing;
mod waiting;
