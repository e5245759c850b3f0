//! What the VE's links have moved: asked every few seconds where a quota is set, and
//! once more at the end. What is done about it is a command's work, which runs as
//! a child of the shim's.
//!
//! ```text
//! Idle ──used up, or due──> command runs ──ended──> Idle, for a while
//! ```
//!
//! The host ends of the links are asked of the kernel by a socket in the host's own
//! network namespace, where the shim is. They go with the VE's namespace, which the
//! shim therefore keeps until it has counted for the last time.

use std::io::Write;
use std::time::{Duration, Instant};

use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, connect, recv, send, socket_with,
};
use veld_protocol::shim::{COUNTS, TRAFFIC};
use veld_protocol::stamp::Stamp;
use veld_protocol::traffic::{ANSWER, Counts, LONGEST, Metered, answer, question};

use crate::child::Child;
use crate::run_directory::RunDirectory;
use crate::start::Successor;

/// How often a VE is looked at; one without a quota too, since it may be given one.
/// That is a small file to read.
const LOOK: Duration = Duration::from_secs(5);
/// How often one without a network is, likewise.
const SELDOM: Duration = Duration::from_secs(60);
/// The longest wait before a command that has not mended matters runs again.
const LONGEST_WAIT: Duration = Duration::from_secs(320);
/// How long the kernel may take to answer, which it does before the question has been
/// sent.
const PATIENCE: Duration = Duration::from_millis(100);

/// When to look again, and who is at work meanwhile.
#[derive(Debug)]
pub(crate) struct Traffic {
    next: Option<Instant>,
    command: Option<Child>,
    /// How long the next command waits that follows one at once.
    wait: Duration,
}

impl Traffic {
    pub(crate) fn new() -> Self {
        Self {
            next: later(LOOK),
            command: None,
            wait: LOOK,
        }
    }

    /// How long until there is something to do.
    pub(crate) fn due_in(&self) -> Option<Duration> {
        let now = Instant::now();
        self.next.map(|next| next.saturating_duration_since(now))
    }

    /// Looks, if it is time to, and has a command look after the account where its
    /// time has come or the quota is used up.
    pub(crate) fn look(&mut self, directory: &RunDirectory, successor: &Successor) {
        if self.due_in().is_none_or(|wait| !wait.is_zero()) {
            return;
        }
        self.next = later(LOOK);
        if let Some(command) = self.command.take_if(|command| command.has_ended()) {
            drop(command);
        }
        // One at a time.
        if self.command.is_some() {
            return;
        }
        let Some(metered) = metered(directory) else {
            self.next = later(SELDOM);
            return;
        };
        if !is_due(&metered) {
            self.wait = LOOK;
            return;
        }
        // Without memory for a process, later.
        self.command = Child::run(successor).ok();
        self.next = later(self.wait);
        self.wait = (2 * self.wait).min(LONGEST_WAIT);
    }

    /// The VE has ended: counts for the last time, and ends a command that is still at
    /// work. Whoever sweeps does what it was to do.
    pub(crate) fn end(&mut self, directory: &RunDirectory) {
        if let Some(command) = self.command.take() {
            command.end();
        }
        self.next = None;
        let Some(counts) = metered(directory).and_then(|metered| moved(&metered)) else {
            return;
        };
        let mut text = [0; 96];
        let room = text.len();
        let mut rest = &mut text[..];
        // Four numbers of 20 digits at most, with blanks.
        let _ = writeln!(rest, "{counts}");
        let length = room - rest.len();
        // On a full disk what was moved since the last entry is lost.
        let _ = directory.replace(COUNTS, text.get(..length).unwrap_or_default());
    }
}

/// What there is to look at, as it was last said.
fn metered(directory: &RunDirectory) -> Option<Metered> {
    let mut text = [0; LONGEST];
    let length = directory.read(TRAFFIC, &mut text).ok()?;
    std::str::from_utf8(text.get(..length)?).ok()?.parse().ok()
}

fn is_due(metered: &Metered) -> bool {
    let used_up = |most| moved(metered).is_some_and(|moved| moved.bytes() >= most);
    metered.due <= Stamp::now() || metered.most.is_some_and(used_up)
}

/// All that was moved since the VE was started; nothing where the kernel does not say.
/// A link that is gone was counted by whoever took it away.
///
/// # Kernel
/// netlink(7). Opened for each look: an open socket takes memory of the kernel's.
fn moved(metered: &Metered) -> Option<Counts> {
    let flags = SocketFlags::CLOEXEC;
    // NETLINK_ROUTE is 0, which is no protocol in particular.
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, None).ok()?;
    connect(&socket, &SocketAddrNetlink::new(0, 0)).ok()?;
    set_socket_timeout(&socket, Timeout::Recv, Some(PATIENCE)).ok()?;
    let mut sum = metered.before;
    for &link in metered.links() {
        send(&socket, &question(link, link), SendFlags::empty()).ok()?;
        let mut message = [0; ANSWER];
        let (length, _) = recv(&socket, &mut message[..], RecvFlags::empty()).ok()?;
        let counts = answer(message.get(..length)?, link);
        sum = sum.plus(counts.unwrap_or_default());
    }
    Some(sum)
}

fn later(by: Duration) -> Option<Instant> {
    Instant::now().checked_add(by)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOPBACK: u32 = 1;

    fn due(seconds: u64) -> Stamp {
        Stamp { seconds, nanos: 0 }
    }

    #[test]
    fn the_kernel_says_what_a_link_has_moved() {
        let before = Counts {
            sent_bytes: 7,
            ..Counts::default()
        };
        let of = |links: &[u32]| moved(&Metered::new(links.iter().copied(), before, due(0)));
        // A link that is not there adds nothing, and is in nobody's way.
        let none = of(&[]).expect("an answer");
        assert_eq!(none, before);
        assert_eq!(of(&[0x7fff_fffe]), Some(before));
        let one = of(&[LOOPBACK, 0x7fff_fffe]).expect("an answer");
        let told = std::fs::read_to_string("/sys/class/net/lo/statistics/tx_bytes");
        let told: u64 = told.expect("statistics").trim().parse().expect("a number");
        // Read in this order, and other tests may be using it.
        assert!(one.received_bytes <= told, "{one:?}, {told}");
        assert_eq!(one.sent_bytes - 7, one.received_bytes, "lo sends to itself");
    }

    #[test]
    fn an_account_is_due_by_time_or_by_what_was_moved() {
        let before = Counts {
            received_bytes: 500,
            ..Counts::default()
        };
        let mut metered = Metered::new([], before, due(u64::MAX));
        assert!(!is_due(&metered));
        metered.most = Some(501);
        assert!(!is_due(&metered));
        metered.most = Some(500);
        assert!(is_due(&metered));
        metered.most = None;
        metered.due = due(1);
        assert!(is_due(&metered));
    }
}
