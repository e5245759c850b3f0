//! Templates from servers: pulled from a real registry and from a server of
//! simplestreams, updated, and what is said where that cannot be.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "all of this is a test, which writes files as an administrator would"
)]

mod messages;
mod registry;
mod streams;
