//! What a VE may use, held by the kernel and seen from inside.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "all of this is a test, which writes files as an administrator or a fault would"
)]

mod cpu;
mod disk;
mod io;
mod kernel;
mod knobs;
mod memory;
mod processes;
mod set;
mod times;
mod whole;
