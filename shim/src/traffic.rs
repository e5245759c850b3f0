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
//!
//! Root of a VE can take a link away, and with it the kernel's counters. So the shim
//! remembers what it saw, and has it entered once a link is gone: what was moved since
//! the look before is lost.

use std::io::Write;
use std::time::{Duration, Instant};

use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, connect, recv, send, socket_with,
};
use veld_protocol::shim::{COUNTS, TRAFFIC};
use veld_protocol::stamp::Stamp;
use veld_protocol::traffic::{ANSWER, Counts, LONGEST, MOST_LINKS, Metered, answer, question};

use crate::child::Child;
use crate::run_directory::RunDirectory;
use crate::start::Successor;

/// How often a VE is looked at; one without a quota too, since it may be given one.
/// That is a small file to read.
const LOOK: Duration = Duration::from_secs(5);
/// When a VE is looked at for the first time.
const FIRST: Duration = Duration::from_secs(1);
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
    seen: Seen,
}

/// What each link had moved when it was last there.
#[derive(Debug)]
struct Seen([(u32, Counts); MOST_LINKS]);

impl Seen {
    /// Remembers nothing of links that are not among these.
    fn keep(&mut self, links: &[u32]) {
        for (link, counts) in &mut self.0 {
            if !links.contains(link) {
                (*link, *counts) = (0, Counts::default());
            }
        }
    }

    /// What a link has moved, where the kernel says it or else has said it; whether it
    /// does no more.
    fn of(&mut self, link: u32, told: Option<Counts>) -> (Counts, bool) {
        let mut places = self.0.iter_mut();
        let place = match places.find(|(seen, _)| *seen == link) {
            None => self.0.iter_mut().find(|(seen, _)| *seen == 0),
            place => place,
        };
        match (place, told) {
            (Some(place), Some(counts)) => {
                *place = (link, counts);
                (counts, false)
            }
            (Some((seen, counts)), None) => (*counts, *seen == link),
            (None, told) => (told.unwrap_or_default(), false),
        }
    }
}

/// What was moved since the start, and whether some of it is only remembered.
#[derive(Debug, PartialEq, Eq)]
struct Moved {
    counts: Counts,
    is_link_lost: bool,
}

impl Traffic {
    pub(crate) fn new() -> Self {
        Self {
            next: later(FIRST),
            command: None,
            wait: LOOK,
            seen: Seen([(0, Counts::default()); MOST_LINKS]),
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
        let moved = moved(&metered, &mut self.seen);
        if let Some(lost) = moved.as_ref().filter(|moved| moved.is_link_lost) {
            tell(directory, lost.counts);
        }
        if !is_due(&metered, moved.as_ref()) {
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
        let metered = metered(directory);
        if let Some(moved) = metered.and_then(|metered| moved(&metered, &mut self.seen)) {
            tell(directory, moved.counts);
        }
    }
}

fn tell(directory: &RunDirectory, counts: Counts) {
    let mut text = [0; 96];
    let room = text.len();
    let mut rest = &mut text[..];
    // Four numbers of 20 digits at most, with blanks.
    let _ = writeln!(rest, "{counts}");
    let length = room - rest.len();
    // On a full disk what was moved since the last entry is lost.
    let _ = directory.replace(COUNTS, text.get(..length).unwrap_or_default());
}

/// What there is to look at, as it was last said.
fn metered(directory: &RunDirectory) -> Option<Metered> {
    let mut text = [0; LONGEST];
    let length = directory.read(TRAFFIC, &mut text).ok()?;
    std::str::from_utf8(text.get(..length)?).ok()?.parse().ok()
}

fn is_due(metered: &Metered, moved: Option<&Moved>) -> bool {
    let is_used_up = |most| moved.is_some_and(|moved| moved.counts.bytes() >= most);
    metered.due <= Stamp::now()
        || metered.most.is_some_and(is_used_up)
        || moved.is_some_and(|moved| moved.is_link_lost)
}

/// All that was moved since the VE was started; nothing where the kernel does not say.
/// A link that a command has taken away was counted by that.
///
/// # Kernel
/// netlink(7). Opened for each look: an open socket takes memory of the kernel's.
fn moved(metered: &Metered, seen: &mut Seen) -> Option<Moved> {
    let flags = SocketFlags::CLOEXEC;
    // NETLINK_ROUTE is 0, which is no protocol in particular.
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, None).ok()?;
    connect(&socket, &SocketAddrNetlink::new(0, 0)).ok()?;
    set_socket_timeout(&socket, Timeout::Recv, Some(PATIENCE)).ok()?;
    let (mut sum, mut is_link_lost) = (metered.before, false);
    seen.keep(metered.links());
    for &link in metered.links() {
        send(&socket, &question(link, link), SendFlags::empty()).ok()?;
        let mut message = [0; ANSWER];
        let (length, _) = recv(&socket, &mut message[..], RecvFlags::empty()).ok()?;
        let told = answer(message.get(..length)?, link);
        let (counts, is_lost) = seen.of(link, told);
        sum = sum.plus(counts);
        is_link_lost |= is_lost;
    }
    Some(Moved {
        counts: sum,
        is_link_lost,
    })
}

fn later(by: Duration) -> Option<Instant> {
    Instant::now().checked_add(by)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOPBACK: u32 = 1;

    fn nothing_seen() -> Seen {
        Seen([(0, Counts::default()); MOST_LINKS])
    }

    fn due(seconds: u64) -> Stamp {
        Stamp { seconds, nanos: 0 }
    }

    #[test]
    fn the_kernel_says_what_a_link_has_moved() {
        let before = Counts {
            sent_bytes: 7,
            ..Counts::default()
        };
        let mut seen = nothing_seen();
        let mut of = |links: &[u32]| {
            let metered = Metered::new(links.iter().copied(), before, due(0));
            let moved = moved(&metered, &mut seen)?;
            assert!(!moved.is_link_lost, "none was there that is not");
            Some(moved.counts)
        };
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
    fn what_a_link_had_moved_when_it_was_there_is_remembered() {
        let counts = |sent_bytes| Counts {
            sent_bytes,
            ..Counts::default()
        };
        let mut seen = nothing_seen();
        assert_eq!(seen.of(7, None), (counts(0), false), "it never was there");
        assert_eq!(seen.of(7, Some(counts(5))), (counts(5), false));
        assert_eq!(seen.of(9, Some(counts(1))), (counts(1), false));
        assert_eq!(seen.of(7, Some(counts(6))), (counts(6), false));
        assert_eq!(seen.of(7, None), (counts(6), true));
        seen.keep(&[9]);
        assert_eq!(seen.of(7, None), (counts(0), false));
        assert_eq!(seen.of(9, None), (counts(1), true));
    }

    #[test]
    fn an_account_is_due_where_a_link_is_lost() {
        let metered = Metered::new([7], Counts::default(), due(u64::MAX));
        let of = |is_link_lost| Moved {
            counts: Counts::default(),
            is_link_lost,
        };
        assert!(!is_due(&metered, Some(&of(false))));
        assert!(is_due(&metered, Some(&of(true))));
    }

    #[test]
    fn an_account_is_due_by_time_or_by_what_was_moved() {
        let before = Counts {
            received_bytes: 500,
            ..Counts::default()
        };
        let mut metered = Metered::new([], before, due(u64::MAX));
        let is_due = |metered: &Metered| {
            let moved = moved(metered, &mut nothing_seen());
            is_due(metered, moved.as_ref())
        };
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
