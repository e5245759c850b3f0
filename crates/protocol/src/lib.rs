//! What tool, launcher, shim and init say to each other.
//!
//! Formats and names only: bytes in, values out, and the other way round. Every
//! decoder is total; whatever comes from a VE may be anything.
//!
//! What this crate must not know: how a message travels, and what is done on it.

pub mod boot;
pub mod console;
pub mod ending;
pub mod event;
pub mod init;
pub mod kind;
pub mod limit;
pub mod refused;
pub mod restart;
pub mod shim;
pub mod stamp;
pub mod stopper;
pub mod traffic;
pub mod watched;
