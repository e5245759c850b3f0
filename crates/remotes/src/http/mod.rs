//! A small client of HTTP: blocking, with a bound on all that it waits for and on
//! all that it reads.

mod body;
mod client;
mod proxy;
mod resolve;
mod retry;
mod roots;

use std::time::Duration;

pub(crate) use body::Body;
pub(crate) use client::{Client, Method, Request, Response};

/// How long a server is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For an address of its name, and for a connection with TLS.
    pub connect: Duration,
    /// For the head of an answer.
    pub answer: Duration,
    /// For the next bytes of a body.
    pub silence: Duration,
    /// In so much time at least [`Patience::LEAST`] bytes of a body must come.
    pub window: Duration,
    /// The longest that a busy server may ask to come back after.
    pub later: Duration,
}

impl Patience {
    /// Bytes of a body in a window: nobody waits for an image that comes slower.
    pub const LEAST: u64 = 8192;
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(20),
            answer: Duration::from_secs(30),
            silence: Duration::from_secs(30),
            window: Duration::from_secs(60),
            later: Duration::from_secs(60),
        }
    }
}
