//! The loop: what can happen, and what is done about it in each state.
//!
//! ```text
//!            typed more than the tty takes
//! Flowing ───────────────────────────────────> Stuffed
//!    │    <───────────────────────────────────    │
//!    │            the tty took the rest           │
//!    └──────────> Ended <─────────────────────────┘
//!       PID 1 ended
//! ```
//!
//! - *Flowing*: clients are listened to; nothing typed waits here.
//! - *Stuffed*: at most one read's worth of typed bytes waits; until the tty has
//!   taken it no client is listened to, and what they type waits in their sockets.
//! - *Ended*: nothing happens any more.
//!
//! Output is read in both, so that the VE never waits for a client.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::io::Errno;
use rustix::time::Timespec;
use veld_protocol::console::{MAX_CLIENTS, Message};
use veld_sys::{Context, Failure};

use crate::clients::{Clients, Seat};
use crate::console::{Console, INPUT};
use crate::log::Log;
use crate::readiness::Readiness;
use crate::run_directory::RunDirectory;
use crate::scrollback::Scrollback;
use crate::start::Descriptors;
