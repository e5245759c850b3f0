//! A network namespace that is "the host" of one test.
//!
//! It belongs to the test's thread, and so to all that the thread starts. No
//! name is given to it and no process holds it: it is gone with its last user.

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd};

use nix::sched::{CloneFlags, setns, unshare};

use crate::command::Cmd;

/// The thread's own network namespace, and the way back.
#[derive(Debug)]
pub(crate) struct OwnNetwork {
    before: File,
}

impl OwnNetwork {
    /// Makes it and brings the loopback device up.
    pub(crate) fn enter() -> Self {
        let before = File::open("/proc/thread-self/ns/net").unwrap();
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        Cmd::program("ip", ["link", "set", "lo", "up"]).run().ok();
        Self { before }
    }

    /// The namespace that the thread was in before: the machine's.
    pub(crate) fn machine(&self) -> BorrowedFd<'_> {
        self.before.as_fd()
    }
}

impl Drop for OwnNetwork {
    fn drop(&mut self) {
        // The thread may be the runner's, which goes on to other tests.
        setns(self.before.as_fd(), CloneFlags::CLONE_NEWNET).unwrap();
    }
}
