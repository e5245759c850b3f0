//! Distributions with each init, unmodified: what they come up with, and that the
//! services which people run on them serve.
#![allow(
    clippy::unwrap_used,
    reason = "all of this is a test, which fails by a panic"
)]

mod client;
mod packages;
mod services;
mod systemd;
