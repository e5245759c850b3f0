//! What happens to VEs, as it is told while it happens and afterwards.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "all of this is a test, which writes files as an administrator or a fault would"
)]

mod follow;
mod life;
mod refusals;
