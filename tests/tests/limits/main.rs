//! What a VE may use, held by the kernel and seen from inside.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "all of this is a test, which writes files as an administrator or a fault would"
)]

mod bombs;
mod capacity;
mod cpu;
mod devices;
mod guarantee;
mod io;
mod kernel;
mod knobs;
mod legacy;
mod memory;
mod neighbours;
mod processes;
mod set;
mod shim;
mod times;
mod unified;
mod whole;
