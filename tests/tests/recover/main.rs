//! What goes wrong in the middle: any side effect of a command may fail, and any
//! process of it may be killed. The host is then as before, or as after, or the
//! next command finds its way.
//!
//! The walks use a `veld` with numbered fault points (`crates/sys/src/fault.rs`)
//! and make the first of them go wrong, then the second, until the operation
//! ends unharmed. A failure says which number it was, what was about to happen
//! there, and what was left.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "all of this is a test, which writes files as a fault would"
)]

mod clone;
mod convert;
mod create;
mod destroy;
mod ending;
mod files;
mod growth;
mod layout;
mod links;
mod pause;
mod publish;
mod pull;
mod random;
mod rename;
mod rules;
mod set;
mod shim;
mod snapshot;
mod start;
mod stop;
mod volume;
mod walk;
