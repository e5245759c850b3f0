//! How many workers may work at once.
//!
//! For most commands: [`WORKERS`]. Where VEs start that nobody waits for, each
//! goes on booting when its worker is done, so that the number of workers bounds
//! nothing: the second kind of gate asks the host how busy it is, and since its
//! answer is some seconds old, lets only so many start between two answers.

use std::time::{Duration, Instant};

use veld_supervisor::{is_busy, processors};

/// Workers at once: enough to keep a machine busy while some wait.
const WORKERS: usize = 16;

/// How often the kernel renews what it says of the pressure on processors.
const WINDOW: Duration = Duration::from_secs(2);
/// Starts in a window, for each processor.
const PER_PROCESSOR: u32 = 4;
/// On a busy host the next one starts once all before are done and so much time
/// has passed: it always comes.
const SLOWLY: Duration = Duration::from_secs(1);
/// How often a gate that was shut is tried again.
const LOOK: Duration = Duration::from_millis(100);

/// Lets workers through, one at a time.
#[derive(Debug)]
pub(crate) enum Gate {
    /// While there are not too many.
    Workers,
    /// While the host bears it, too.
    Pressure(Pace),
}

/// What has gone through so far.
#[derive(Debug)]
pub(crate) struct Pace {
    /// When the last one went, if any has.
    last: Option<Instant>,
    /// When the window began, and how many have gone since.
    window: Instant,
    gone: u32,
    /// How many may in one window.
    most: u32,
}

impl Gate {
    /// One that goes by the pressure on the host's processors.
    pub(crate) fn by_pressure() -> Self {
        Self::Pressure(Pace::new(
            Instant::now(),
            processors().saturating_mul(PER_PROCESSOR),
        ))
    }

    /// Whether one more may go, where so many are at work; it has gone then.
    pub(crate) fn lets_through(&mut self, working: usize) -> bool {
        working < WORKERS
            && match self {
                Self::Workers => true,
                Self::Pressure(pace) => pace.lets_through(working, Instant::now(), is_busy),
            }
    }

    /// How long to wait before a gate that was shut is tried again; it is tried
    /// whenever a worker is done in any case.
    pub(crate) fn patience(&self) -> Option<Duration> {
        match self {
            Self::Workers => None,
            Self::Pressure(_) => Some(LOOK),
        }
    }
}

impl Pace {
    fn new(now: Instant, most: u32) -> Self {
        Self {
            last: None,
            window: now,
            gone: 0,
            most,
        }
    }

    fn lets_through(&mut self, working: usize, now: Instant, is_busy: impl Fn() -> bool) -> bool {
        if now.duration_since(self.window) >= WINDOW {
            self.window = now;
            self.gone = 0;
        }
        let rested = || {
            self.last
                .is_none_or(|last| now.duration_since(last) >= SLOWLY)
        };
        let open = (working == 0 && rested()) || (self.gone < self.most && !is_busy());
        if open {
            self.last = Some(now);
            self.gone = self.gone.saturating_add(1);
        }
        open
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUSY: fn() -> bool = || true;
    const IDLE: fn() -> bool = || false;

    #[test]
    fn on_an_idle_host_so_many_go_in_a_window() {
        let begun = Instant::now();
        let mut pace = Pace::new(begun, 4);
        let went = (0..6).filter(|_| pace.lets_through(1, begun, IDLE)).count();
        assert_eq!(went, 4);
        assert!(!pace.lets_through(1, begun + WINDOW / 2, IDLE));
        assert!(pace.lets_through(1, begun + WINDOW, IDLE));
    }

    #[test]
    fn on_a_busy_host_one_goes_after_the_other_and_each_comes() {
        let begun = Instant::now();
        let mut pace = Pace::new(begun, 4);
        assert!(pace.lets_through(0, begun, BUSY));
        assert!(!pace.lets_through(1, begun + 5 * SLOWLY, BUSY));
        assert!(!pace.lets_through(0, begun + SLOWLY / 2, BUSY));
        assert!(pace.lets_through(0, begun + SLOWLY, BUSY));
    }

    #[test]
    fn there_are_never_more_workers_than_descriptors_and_memory_allow() {
        assert!(!Gate::by_pressure().lets_through(WORKERS));
        assert!(!Gate::Workers.lets_through(WORKERS));
        assert!(Gate::Workers.lets_through(WORKERS - 1));
    }
}
