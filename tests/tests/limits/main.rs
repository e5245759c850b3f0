//! What a VE may use, held by the kernel and seen from inside.
#![allow(clippy::unwrap_used, reason = "all of this is a test")]

mod cpu;
mod kernel;
mod memory;
mod processes;
