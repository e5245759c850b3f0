//! The layouts of VEs, each on real file systems.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "all of this is a test, which writes files as an administrator or a fault would"
)]

mod attributes;
mod cache;
mod convert;
mod damage;
mod exhausted;
mod full;
mod hostile;
mod inside;
mod layouts;
mod projects;
mod quota;
mod trash;
