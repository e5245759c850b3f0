//! The console of a VE: who may look and type, and what is kept of it.
#![allow(clippy::unwrap_used, reason = "all of this is a test")]

mod attach;
mod logs;
