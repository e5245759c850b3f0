//! From create to destroy: what a VE does on its way, how it may end, and what
//! neither a killed command nor a damaged record can keep from going on.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "all of this is a test, which writes files as an administrator or a fault would"
)]

mod badinit;
mod commands;
mod damage;
mod debian;
mod ending;
mod frozen;
mod killed;
mod many;
mod orphaned;
mod paused;
mod rebooting;
mod restarting;
mod sharing;
mod states;
mod stopping;
