//! The one place where a relay sleeps.

use std::os::fd::BorrowedFd;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use veld_sys::{Context, Failure};

use crate::lane::{Lane, Moved};
use crate::signals::{Asked, Signals};

/// The most that is still handed on after the program has ended: what a pty or
/// pipe can hold, and no more of what its children in the background write.
const AFTER_THE_END: usize = 4 << 20;

/// Why the sleep ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Woken {
    /// A signal came.
    pub(crate) signal: bool,
    /// The program has ended.
    pub(crate) ended: bool,
    /// For each lane, whether it has its turn.
    pub(crate) lanes: Vec<bool>,
}

/// Sleeps until a signal, the end of the program or a lane wants something.
///
/// # Errors
/// Those of poll(2).
pub(crate) fn wait(
    signals: &Signals,
    program: Option<BorrowedFd<'_>>,
    lanes: &[&Lane],
) -> Result<Woken, Failure> {
    let waits: Vec<_> = lanes.iter().map(|lane| lane.waits_for()).collect();
    let mut set = vec![PollFd::from_borrowed_fd(signals.as_fd(), PollFlags::IN)];
    set.extend(program.map(|program| PollFd::from_borrowed_fd(program, PollFlags::IN)));
    let before_lanes = set.len();
    set.extend(
        waits
            .iter()
            .flatten()
            .map(|(descriptor, what)| PollFd::from_borrowed_fd(*descriptor, *what)),
    );
    match rustix::event::poll(&mut set, None) {
        Ok(_) => {}
        Err(Errno::INTR) => return Ok(Woken::nothing(lanes.len())),
        Err(cause) => return Err(cause).context(|| "wait for input or output"),
    }
    // An error or hang-up is found by reading or writing.
    let mut ready = set.iter().map(|one| !one.revents().is_empty());
    let signal = ready.next().unwrap_or(false);
    let ended = before_lanes == 2 && ready.next().unwrap_or(false);
    let lanes = waits
        .iter()
        .map(|waits| waits.is_some() && ready.next().unwrap_or(false))
        .collect();
    Ok(Woken {
        signal,
        ended,
        lanes,
    })
}

impl Woken {
    fn nothing(lanes: usize) -> Self {
        Self {
            signal: false,
            ended: false,
            lanes: vec![false; lanes],
        }
    }

    /// Whether this lane has its turn.
    pub(crate) fn lane(&self, index: usize) -> bool {
        self.lanes.get(index).copied().unwrap_or(false)
    }
}

/// Hands on what a program that has ended left to be read, and does not wait for
/// more. Whoever reads it may take their time; a signal ends it: that one.
///
/// # Errors
/// Those of the lane and of poll(2).
pub(crate) fn drain(signals: &Signals, lane: &mut Lane) -> Result<Option<i32>, Failure> {
    let mut left = AFTER_THE_END;
    loop {
        if lane.is_clear() {
            if left == 0 || !has_something(lane) {
                return Ok(None);
            }
            match lane.copy()? {
                Moved::Some(read) => left = left.saturating_sub(read),
                Moved::SourceEnded | Moved::SinkGone => return Ok(None),
            }
            continue;
        }
        let woken = wait(signals, None, &[lane])?;
        if woken.signal
            && let Some(Asked::End(signal)) = signals.next()?
        {
            return Ok(Some(signal));
        }
        if woken.lane(0) && lane.copy()? == Moved::SinkGone {
            return Ok(None);
        }
    }
}

/// Whether reading would give something now. The kernel looks through what is
/// still on its way inside a pty before it says no.
fn has_something(lane: &Lane) -> bool {
    let Some((descriptor, what)) = lane.waits_for() else {
        return false;
    };
    let mut set = [PollFd::from_borrowed_fd(descriptor, what)];
    let now = Timespec::default();
    rustix::event::poll(&mut set, Some(&now)).is_ok_and(|ready| ready > 0)
}
