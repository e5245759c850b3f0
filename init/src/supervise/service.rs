//! A job that is kept running, and the limit to how often it is started.

use std::time::{Duration, Instant};

use rustix::process::Pid;

use crate::plan::Job;

/// How many times a service may end within [`WINDOW`] before it is paused.
pub(crate) const LIMIT: u32 = 5;
/// The time in which endings are counted.
pub(crate) const WINDOW: Duration = Duration::from_secs(10);
/// How long a service that ends too often is left alone.
pub(crate) const PAUSE: Duration = Duration::from_secs(30);

/// How long it takes until a start is tried again that found no process.
const RETRY: Duration = Duration::from_secs(1);

/// One job and how it fares.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) job: Job,
    /// The process, while it runs.
    pub(crate) pid: Option<Pid>,
    /// Whether the VE lives as long as it does.
    pub(crate) is_main: bool,
    /// Whether it stays from one run level to the next.
    pub(crate) on_demand: bool,
    /// Not to be started before.
    paused_until: Option<Instant>,
    /// After a pause it counts as failed until it has lived up to this.
    fails_until: Option<Instant>,
    /// Since when endings are counted, and how many there were.
    counted: Option<(Instant, u32)>,
}

impl Service {
    /// A service that has not been started yet.
    pub(crate) fn new(job: Job) -> Self {
        Self {
            job,
            pid: None,
            is_main: false,
            on_demand: false,
            paused_until: None,
            fails_until: None,
            counted: None,
        }
    }

    /// Whether it is the same job as another.
    pub(crate) fn is(&self, job: &Job) -> bool {
        (&self.job.process, &self.job.terminal) == (&job.process, &job.terminal)
    }

    /// Whether it has the name of another in a table.
    pub(crate) fn is_called(&self, job: &Job) -> bool {
        !job.id.is_empty() && self.job.id == job.id
    }

    /// Is not tried again at once.
    pub(crate) fn wait_a_moment(&mut self, now: Instant) {
        self.paused_until = self.paused_until.or(Some(now + RETRY));
        self.fails_until = self.fails_until.or(Some(now + RETRY + WINDOW));
    }

    /// Whether it does not run as it should.
    pub(crate) fn fails(&self, now: Instant) -> bool {
        self.fails_until.is_some_and(|until| now < until)
    }

    /// When that may have changed by itself.
    pub(crate) fn proves_itself(&self) -> Option<Instant> {
        self.fails_until.filter(|_| self.pid.is_some())
    }

    /// Takes note that it has lived long enough to be taken for sound.
    pub(crate) fn forget_failure(&mut self, now: Instant) {
        self.fails_until = self.fails_until.filter(|until| now < *until);
    }

    /// Whether it is to be started now.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        self.pid.is_none() && self.paused_until.is_none_or(|until| now >= until)
    }

    /// When it is to be started, if it waits for that.
    pub(crate) fn waits_until(&self) -> Option<Instant> {
        self.paused_until.filter(|_| self.pid.is_none())
    }

    /// Takes note that it has ended; true when that was once too often and it
    /// is paused.
    pub(crate) fn ended(&mut self, now: Instant) -> bool {
        self.pid = None;
        self.paused_until = None;
        let (since, before) = self
            .counted
            .filter(|&(since, _)| now.duration_since(since) < WINDOW)
            .unwrap_or((now, 0));
        let count = before.saturating_add(1);
        if count < LIMIT {
            self.counted = Some((since, count));
            return false;
        }
        self.counted = None;
        self.paused_until = Some(now + PAUSE);
        self.fails_until = Some(now + PAUSE + WINDOW);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(process: &str) -> Service {
        Service::new(Job::new("test", process))
    }

    #[test]
    fn a_service_that_ends_too_often_is_paused_and_then_starts_afresh() {
        let mut service = service("/bin/false");
        let start = Instant::now();
        for second in 0..4 {
            assert!(!service.ended(start + Duration::from_secs(second)));
            assert!(service.is_due(start));
        }
        let last = start + Duration::from_secs(4);
        assert!(service.ended(last));
        assert!(!service.is_due(last + PAUSE / 2));
        assert_eq!(service.waits_until(), Some(last + PAUSE));
        assert!(service.is_due(last + PAUSE) && service.fails(last + PAUSE));
        assert!(!service.ended(last + PAUSE));
        assert!(!service.fails(last + PAUSE + WINDOW));
    }

    #[test]
    fn a_service_that_found_no_process_is_tried_again_soon() {
        let mut service = service("/bin/cron");
        let start = Instant::now();
        assert!(!service.ended(start));
        service.wait_a_moment(start);
        assert!(!service.is_due(start));
        assert_eq!(service.waits_until(), Some(start + RETRY));
        assert!(service.is_due(start + RETRY));
    }

    #[test]
    fn a_service_that_ends_now_and_then_is_not() {
        let mut service = service("/bin/cron");
        let start = Instant::now();
        for number in 0..100 {
            assert!(!service.ended(start + WINDOW / 4 * number));
        }
    }
}
