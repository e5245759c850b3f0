//! The ends of children, and what follows from them.

use std::time::Instant;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid as NixPid;
use rustix::process::{WaitOptions, WaitStatus, wait};

use super::Supervisor;
use crate::console;
use crate::flavour::AfterMain;
use crate::level::Level;
use crate::plan::Job;
use crate::supervise::patience::SHUTDOWN_JOBS;
use crate::supervise::table::{End, Event, State};
use crate::supervise::utmp;

impl Supervisor<'_> {
    pub(super) fn begin_shutdown(&mut self, end: End) -> bool {
        self.end = end;
        self.notify.send("STOPPING=1\nSTATUS=Stopping services");
        self.queue = self.plan.last_steps(end == End::Reboot).into();
        self.deadline = Some(Instant::now() + SHUTDOWN_JOBS);
        self.awaited = None;
        if let Some(level) = self.level {
            utmp::goes_down();
            let next = if end == End::Reboot {
                Level::REBOOT
            } else {
                Level::HALT
            };
            self.before = Some(level);
            self.level = Some(next);
            utmp::entered(next, self.before);
            self.set_level_variables(next);
            self.services.leave_all_but(&[]);
        }
        // The main job stops what it has started before anything else is stopped.
        match (self.services.main(), self.plan.main.clone()) {
            (Some(pid), Some(job)) => {
                let _ = kill(
                    NixPid::from_raw(pid.as_raw_nonzero().get()),
                    Signal::SIGTERM,
                );
                self.awaited = Some((pid, job));
                false
            }
            _ => self.next_job(),
        }
    }

    /// Takes leave of every child that has ended; true when all is done.
    pub(super) fn reap(&mut self) -> bool {
        let mut finished = false;
        // ECHILD, the one error that can be, is "none left" as well.
        while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
            if self.services.ended(pid, Instant::now()) {
                finished |= self.main_ended(status);
            }
            if self.level.is_some() {
                utmp::ended(pid);
            }
            if let Some((_, job)) = self.awaited.take_if(|(awaited, _)| *awaited == pid) {
                self.note(&job, status);
                finished |= self.handle(Event::JobEnded);
            }
        }
        finished
    }

    pub(super) fn main_ended(&mut self, status: WaitStatus) -> bool {
        self.status = as_shell(status);
        match (self.manners.after_main)(self.status) {
            AfterMain::Again => false,
            AfterMain::Stop(end) => self.handle(Event::Stop(end)),
        }
    }

    /// Takes note of how a job of the boot or of a run level did.
    pub(super) fn note(&mut self, job: &Job, status: WaitStatus) {
        if !matches!(self.state, State::Boot | State::Enter) {
            return;
        }
        let name = job.short_name();
        self.failed.retain(|other| *other != name);
        if status.exit_status() != Some(0) {
            console::say(&format!("{job} ended with status {}", as_shell(status)));
            self.failed.push(name);
        }
    }
}

/// The status as a shell has it: 128 and the number of a signal that killed.
fn as_shell(status: WaitStatus) -> i32 {
    let killed = status.terminating_signal().map(|signal| 128 + signal);
    killed.or(status.exit_status()).unwrap_or(0)
}
