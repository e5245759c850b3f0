//! Distributions with each init, unmodified: what they come up with, and that the
//! services which people run on them serve.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "all of this is a test, which writes files as an administrator would"
)]

mod client;
mod life;
mod packages;
mod services;
mod systemd;
