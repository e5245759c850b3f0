//! How long a VE may take to shut down.

use std::time::{Duration, Instant};

/// How long VEs may take to shut down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    time: Duration,
    /// Since when it counts; from when it is asked, for each VE, where not given.
    begun: Option<Instant>,
}

/// What a VE is given at least once it was asked, however late that was; less
/// where less is given to all.
const LEAST: Duration = Duration::from_secs(5);

impl Patience {
    /// So long for each from when it has its turn.
    #[must_use]
    pub fn of_each(time: Duration) -> Self {
        Self { time, begun: None }
    }

    /// So long from now on for all of them, and a few seconds more for one that is
    /// asked late.
    #[must_use]
    pub fn of_all(time: Duration) -> Self {
        Self {
            time,
            begun: Some(Instant::now()),
        }
    }

    /// How much time was meant.
    pub(super) fn time(self) -> Duration {
        self.time
    }

    /// A VE has its turn now.
    pub(super) fn begin(self) -> Turn {
        let gone = self.begun.map_or(Duration::ZERO, |begun| begun.elapsed());
        let least = self.time.min(LEAST);
        Turn {
            begun: Instant::now(),
            allowed: self.time.saturating_sub(gone).max(least),
            least,
        }
    }
}

/// The time of one VE.
#[derive(Debug, Clone, Copy)]
pub(super) struct Turn {
    begun: Instant,
    allowed: Duration,
    least: Duration,
}

impl Turn {
    /// It was asked now.
    pub(super) fn asked(&mut self) {
        let least = self.begun.elapsed().saturating_add(self.least);
        self.allowed = self.allowed.max(least);
    }

    pub(super) fn left(self) -> Duration {
        self.allowed.saturating_sub(self.begun.elapsed())
    }

    /// All of it in seconds, to the nearest.
    pub(super) fn seconds(self) -> u64 {
        let half = Duration::from_millis(500);
        self.allowed.saturating_add(half).as_secs()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn since(time: Duration, ago: Duration) -> Turn {
        let begun = Instant::now().checked_sub(ago);
        Patience { time, begun }.begin()
    }

    #[test]
    fn one_time_for_all_leaves_a_few_seconds_to_the_late() {
        assert_eq!(since(60 * SECOND, 20 * SECOND).seconds(), 40);
        assert_eq!(since(60 * SECOND, 59 * SECOND).seconds(), 5);
        assert_eq!(since(60 * SECOND, 99 * SECOND).seconds(), 5);
        assert_eq!(since(2 * SECOND, 99 * SECOND).seconds(), 2);
        assert!(since(Duration::ZERO, SECOND).left().is_zero());
    }

    #[test]
    fn one_that_could_be_asked_only_late_is_not_killed_at_once() {
        let mut turn = Patience::of_each(8 * SECOND).begin();
        turn.asked();
        assert_eq!(turn.seconds(), 8);
        turn.begun = turn.begun.checked_sub(7 * SECOND).unwrap();
        assert!(turn.left() <= SECOND);
        turn.asked();
        assert_eq!(turn.seconds(), 12);
        assert!(turn.left() > 4 * SECOND);
    }

    #[test]
    fn a_time_without_end_is_no_overflow() {
        let mut turn = Patience::of_all(Duration::MAX).begin();
        turn.asked();
        assert!(turn.seconds() > 0 && turn.left() > SECOND);
    }
}
