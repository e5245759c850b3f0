//! From create to destroy: what a VE does on its way, how it may end, and what
//! neither a killed command nor a damaged record can keep from going on.
#![allow(clippy::unwrap_used, reason = "all of this is a test")]

mod commands;
mod damage;
mod debian;
mod ending;
mod killed;
mod many;
mod sharing;
mod stopping;
