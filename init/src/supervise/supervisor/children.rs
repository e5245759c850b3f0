//! The ends of children, and what follows from them.

use std::time::Instant;

use rustix::process::{WaitOptions, WaitStatus, wait};

use super::Supervisor;
use crate::console;
use crate::flavour::AfterMain;
use crate::level::Level;
use crate::plan::Job;
use crate::supervise::patience::SHUTDOWN_JOBS;
use crate::supervise::services::LEAVE;
use crate::supervise::table::{End, Event, State};
use crate::supervise::utmp;

impl Supervisor<'_> {
    pub(super) fn begin_shutdown(&mut self, end: End) -> bool {
        self.end = end;
        self.notify.send("STOPPING=1\nSTATUS=Stopping services");
        self.queue = self.plan.last_steps(end == End::Reboot).into();
        self.deadline = Some(Instant::now() + SHUTDOWN_JOBS);
        if let Some(level) = self.level {
            let next = match end {
                End::Reboot => Level::REBOOT,
                End::Restart | End::Exit | End::Halt | End::PowerOff => Level::HALT,
            };
            self.before = Some(level);
            self.level = Some(next);
            utmp::goes_down();
            utmp::entered(next, self.before);
            self.set_level_variables(next);
            self.services.leave_all_but(&[], true);
        }
        // A job of the boot would go on starting what the last jobs stop.
        if let Some((pid, _)) = self.awaited.take() {
            self.services.end(pid, LEAVE);
        }
        // So would the main job, which has all the time that there is where nobody
        // else stops its services.
        if let Some(pid) = self.services.main() {
            let alone = self.queue.is_empty();
            let patience = if alone { SHUTDOWN_JOBS } else { LEAVE };
            self.services.end(pid, patience);
        }
        if self.services.all_left() {
            return self.next_job();
        }
        self.is_held_up = true;
        false
    }

    /// Goes on with the last jobs once all that stood in their way have ended.
    pub(super) fn go_on_if_all_left(&mut self) -> bool {
        if !self.services.all_left() {
            return false;
        }
        let held_up = std::mem::take(&mut self.is_held_up);
        if self.state == State::Leave || (self.state == State::Shutdown && held_up) {
            return self.handle(Event::LevelLeft);
        }
        false
    }

    /// Takes leave of every child that has ended; true when all is done.
    pub(super) fn reap(&mut self) -> bool {
        let mut finished = false;
        // ECHILD, the one error that can be, is "none left" as well.
        while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
            if self.level.is_some() {
                utmp::ended(pid);
            }
            for (_, once) in &mut self.ran {
                let _ = once.take_if(|once| *once == pid);
            }
            // Before anything is started that could have the number again.
            let awaited = self.awaited.take_if(|(awaited, _)| *awaited == pid);
            if self.services.ended(pid, Instant::now()) {
                finished |= self.main_ended(status);
            }
            if let Some((_, job)) = awaited {
                self.note(&job, status);
                finished |= self.handle(Event::JobEnded);
            }
        }
        finished
    }

    pub(super) fn main_ended(&mut self, status: WaitStatus) -> bool {
        self.status = as_shell(status);
        let lives = match self.state {
            State::Boot | State::Leave | State::Enter | State::Run => true,
            // What ends it was asked for before it did.
            State::Shutdown | State::Terminate | State::Kill => false,
        };
        match (self.manners.after_main)(self.status) {
            AfterMain::Stop(end) if lives => self.handle(Event::Stop(end)),
            AfterMain::Stop(_) | AfterMain::Again => false,
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
