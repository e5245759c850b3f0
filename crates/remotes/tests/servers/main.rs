//! Pulls from servers of the tests' own, which lie, hang and break off, and from a
//! real registry. All of it is on the loopback device.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "all of this is a test, which writes files and runs programs as an administrator does"
)]

mod auth;
mod bodies;
mod cache;
mod image;
mod real;
mod redirects;
mod refuse;
mod registry;
mod server;
mod streams;
