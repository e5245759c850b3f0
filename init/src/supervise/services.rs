//! The jobs that are kept running now, and those that were and are to end.

use std::ffi::CString;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid as NixPid;
use rustix::process::Pid;

use super::child;
use super::service::{self, Service};
use crate::console;
use crate::plan::Job;

/// How long a process has between SIGTERM and SIGKILL when it is no longer kept:
/// what init(8) gives.
pub(super) const LEAVE: Duration = Duration::from_secs(3);

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Services {
    kept: Vec<Service>,
    leaving: Vec<(Pid, Instant)>,
}

impl Services {
    /// Takes over other jobs: one that is kept already, by its command or by its name
    /// in a table, goes on as it is. Those that are not among them are no longer
    /// kept, and end if `ends` says so.
    pub(super) fn keep(&mut self, jobs: impl Iterator<Item = Job>, main: Option<Job>, ends: bool) {
        let mut old = std::mem::take(&mut self.kept);
        let mut take = |job: Job| {
            let same = old.iter().position(|service| service.is(&job));
            let named = || old.iter().position(|service| service.is_called(&job));
            match same.or_else(named) {
                Some(index) => {
                    let mut service = old.swap_remove(index);
                    service.job = job;
                    service
                }
                None => Service::new(job),
            }
        };
        self.kept = jobs.map(&mut take).collect();
        self.kept.extend(main.map(|job| {
            let mut service = take(job);
            service.is_main = true;
            service
        }));
        for service in old {
            match service.pid {
                _ if service.on_demand => self.kept.push(service),
                Some(pid) if ends => self.end(pid, LEAVE),
                _ => {}
            }
        }
    }

    /// Keeps one more job until a level is entered in which all else ends, unless it
    /// is kept already.
    pub(super) fn add(&mut self, job: &Job) {
        if !self.kept.iter().any(|service| service.is(job)) {
            let mut service = Service::new(job.clone());
            service.on_demand = true;
            self.kept.push(service);
        }
    }

    /// Asks all to end that are not among these jobs, which are no longer kept; of
    /// those on demand only if `all` says so.
    pub(super) fn leave_all_but(&mut self, jobs: &[&Job], all: bool) {
        let stays = |service: &Service| {
            let demanded = service.on_demand && !all;
            service.is_main || demanded || jobs.iter().any(|job| service.is(job))
        };
        let (stay, leave): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.kept).into_iter().partition(stays);
        self.kept = stay;
        let pids = leave.into_iter().filter_map(|service| service.pid);
        pids.for_each(|pid| self.end(pid, LEAVE));
    }

    /// Asks a process and its children to end, and kills them if they have not after
    /// a while.
    pub(super) fn end(&mut self, pid: Pid, patience: Duration) {
        signal(pid, Signal::SIGTERM);
        self.leaving.push((pid, Instant::now() + patience));
    }

    /// Whether all that were asked to end have.
    pub(super) fn all_left(&self) -> bool {
        self.leaving.is_empty()
    }

    /// Kills those that were asked and are late; their end is still awaited.
    pub(super) fn kill_late(&mut self, now: Instant) {
        for (pid, until) in &mut self.leaving {
            if now >= *until {
                signal(*pid, Signal::SIGKILL);
                *until = now + LEAVE;
            }
        }
    }

    /// The process of the main job.
    pub(super) fn main(&self) -> Option<Pid> {
        self.kept.iter().find(|service| service.is_main)?.pid
    }

    /// Starts what is to run and does not.
    pub(super) fn start_due(&mut self, now: Instant, env: &[CString]) {
        for service in self.kept.iter_mut().filter(|service| service.is_due(now)) {
            service.pid = child::start_or_report(&service.job, env);
            if service.pid.is_none() {
                // No process could be had; there may be one soon.
                tell_if_paused(service, now);
                service.wait_a_moment(now);
            }
        }
    }

    /// When something is to be done next.
    pub(super) fn due_at(&self, running: bool) -> Option<Instant> {
        let waits = self.kept.iter().filter(|_| running);
        waits
            .filter_map(Service::waits_until)
            .chain(self.kept.iter().filter_map(Service::proves_itself))
            .chain(self.leaving.iter().map(|&(_, until)| until))
            .min()
    }

    /// Takes note that a process has ended; true where it was the main job's.
    pub(super) fn ended(&mut self, pid: Pid, now: Instant) -> bool {
        self.leaving.retain(|&(leaving, _)| leaving != pid);
        let mut kept = self.kept.iter_mut();
        let Some(service) = kept.find(|service| service.pid == Some(pid)) else {
            return false;
        };
        tell_if_paused(service, now);
        service.is_main
    }

    /// The names of those that do not run as they should.
    pub(super) fn failed(&mut self, now: Instant) -> Vec<String> {
        let kept = self.kept.iter_mut();
        kept.filter_map(|service| {
            service.forget_failure(now);
            service.fails(now).then(|| service.job.short_name())
        })
        .collect()
    }
}

/// Signals a job, which leads a session of its own and with it a group; one that was
/// forked a moment ago does not yet, and is signalled alone.
fn signal(pid: Pid, signal: Signal) {
    let number = pid.as_raw_nonzero().get();
    if kill(NixPid::from_raw(-number), signal).is_err() {
        // ESRCH: it has ended, and that will be heard.
        let _ = kill(NixPid::from_raw(number), signal);
    }
}

fn tell_if_paused(service: &mut Service, now: Instant) {
    if service.ended(now) {
        console::say(&format!(
            "{} ended {} times within {} s: next start in {} s",
            service.job,
            service::LIMIT,
            service::WINDOW.as_secs(),
            service::PAUSE.as_secs()
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_jobs_keep_what_runs() {
        let job = |process: &str| Job::new("test", process);
        let me = rustix::process::getpid();
        let mut services = Services::default();
        services.keep(["a", "gone"].map(job).into_iter(), None, false);
        services.kept[0].pid = Some(me);
        services.keep(["b", "a"].map(job).into_iter(), Some(job("main")), false);
        let kept: Vec<_> = services
            .kept
            .iter()
            .map(|service| (service.job.process.as_str(), service.pid, service.is_main))
            .collect();
        assert_eq!(
            kept,
            [
                ("b", None, false),
                ("a", Some(me), false),
                ("main", None, true)
            ]
        );
        services.add(&job("a"));
        services.add(&job("c"));
        assert_eq!(services.kept.len(), 4);
        services.kept[1].pid = None;
        services.leave_all_but(&[], false);
        let left = services.kept.iter().map(|service| &service.job.process);
        assert!(left.eq(["main", "c"]), "what was asked for stays");
        services.keep(std::iter::empty(), Some(job("main")), true);
        assert_eq!(services.kept.len(), 2);
        services.leave_all_but(&[], true);
        let left: Vec<_> = services
            .kept
            .iter()
            .map(|service| &service.job.process)
            .collect();
        assert_eq!(left, ["main"]);
        assert!(services.all_left());
    }
}
