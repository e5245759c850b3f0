//! How long a VE that ends again and again waits before it is started again.
//!
//! Its starts are work of the host's, which no limit of the VE's counts: so one
//! that is in a loop waits longer each time.

use std::time::Duration;

use veld_protocol::ending::Ending;

/// A VE that ran for longer has come up, and what was before does not count.
const LASTED: Duration = Duration::from_secs(10);
/// The first wait; each of those that follow is twice as long.
const FIRST: Duration = Duration::from_secs(1);
/// The longest.
const LONGEST: Duration = Duration::from_secs(5 * 60);
/// So many reboots one soon after the other do not wait: somebody tries things,
/// or an installer reboots as it goes.
const REBOOTS: u32 = 5;

/// The next start of a VE that ended by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Next {
    /// The how manyeth start in a row it is; 0 after a run that lasted.
    pub(crate) restarts: u32,
    /// How long it waits for it.
    pub(crate) wait: Duration,
}

impl Next {
    /// After a run of this length that was itself the start number `restarts`.
    pub(crate) fn after(ending: Ending, lasted: Duration, restarts: u32) -> Self {
        if lasted >= LASTED {
            return Self {
                restarts: 0,
                wait: Duration::ZERO,
            };
        }
        let at_once = if ending == Ending::Reboot { REBOOTS } else { 0 };
        Self::nth(restarts.saturating_add(1), at_once)
    }

    /// After a start again that failed, which was the number `restarts`.
    pub(crate) fn after_failure(restarts: u32) -> Self {
        Self::nth(restarts.saturating_add(1), 0)
    }

    /// The same start without a wait: it has been waited for.
    pub(crate) fn now(restarts: u32) -> Self {
        Self {
            restarts,
            wait: Duration::ZERO,
        }
    }

    fn nth(restarts: u32, at_once: u32) -> Self {
        let wait = match restarts.saturating_sub(at_once).checked_sub(1) {
            None => Duration::ZERO,
            Some(doublings) => FIRST
                .saturating_mul(2_u32.saturating_pow(doublings))
                .min(LONGEST),
        };
        Self { restarts, wait }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(ending: Ending, count: u32) -> Vec<u64> {
        let mut restarts = 0;
        (0..count)
            .map(|_| {
                let next = Next::after(ending, Duration::from_secs(9), restarts);
                restarts = next.restarts;
                next.wait.as_secs()
            })
            .collect()
    }

    #[test]
    fn a_failure_waits_twice_as_long_each_time_up_to_five_minutes() {
        assert_eq!(
            waits(Ending::Exited(1), 12),
            [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]
        );
    }

    #[test]
    fn a_few_reboots_do_not_wait_and_a_loop_of_them_does() {
        assert_eq!(waits(Ending::Reboot, 8), [0, 0, 0, 0, 0, 1, 2, 4]);
    }

    #[test]
    fn a_run_that_lasted_begins_anew() {
        let next = Next::after(Ending::Killed(9), Duration::from_secs(10), 7);
        assert_eq!(next, Next::now(0));
    }

    #[test]
    fn a_failed_start_waits_even_where_a_reboot_would_not() {
        assert_eq!(Next::after_failure(0).wait, FIRST);
        assert_eq!(Next::after_failure(3).wait, FIRST * 8);
        assert_eq!(Next::after_failure(u32::MAX).wait, LONGEST);
    }
}
