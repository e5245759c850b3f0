//! What runs in which run level; inits without any have one level, which has all.

use std::time::Instant;

use super::Supervisor;
use crate::console;
use crate::level::Level;
use crate::plan::{Job, Power, When};
use crate::supervise::child;
use crate::supervise::table::State;
use crate::supervise::utmp;

/// What PID 1 does once all is up.
const UP: &str = "STATUS=Services are up";

impl Supervisor<'_> {
    /// Asks what another run level does not have to end.
    pub(super) fn leave_for(&mut self, level: Level) {
        self.notify
            .send(&format!("STATUS=Entering run level {}", level.char()));
        self.before = self.level.replace(level);
        self.queue.clear();
        let stay: Vec<&Job> = self.plan.of(Some(level), When::Keep).collect();
        self.services.leave_all_but(&stay);
        if let Some((pid, _)) = self.awaited.take() {
            self.services.end(pid);
        }
    }

    pub(super) fn enter_level(&mut self) -> bool {
        if let Some(level) = self.level {
            if self.before.is_none() {
                utmp::booted();
            }
            utmp::entered(level, self.before);
            self.set_level_variables(level);
        }
        self.queue = self.plan.awaited(self.level).into();
        self.next_job()
    }

    pub(super) fn set_level_variables(&mut self, level: Level) {
        let before = self.before.map_or('N', Level::char);
        self.env.set("RUNLEVEL", Some(level.char().to_string()));
        self.env.set("PREVLEVEL", Some(before.to_string()));
        self.env.set("CONSOLE", Some(console::CONSOLE.to_owned()));
    }

    /// What has the level for its own adds to what is kept.
    pub(super) fn add(&mut self, level: Level) {
        let jobs: Vec<Job> = self.plan.of(Some(level), When::Keep).cloned().collect();
        jobs.iter().for_each(|job| self.services.add(job));
        for job in self.plan.of(Some(level), When::Once) {
            child::start_or_report(job, self.env.strings());
        }
    }

    pub(super) fn serve(&mut self) {
        for job in self.plan.of(self.level, When::Once) {
            child::start_or_report(job, self.env.strings());
        }
        self.keep();
        self.services.start_due(Instant::now(), self.env.strings());
        if self.was_ready {
            self.notify.send(UP);
        } else {
            self.tell_if_up();
        }
    }

    pub(super) fn tell_if_up(&mut self) {
        self.was_ready = (self.manners.is_up)(self.services.main());
        if self.was_ready {
            self.notify.send(&format!("READY=1\n{UP}"));
        }
    }

    pub(super) fn keep(&mut self) {
        let jobs: Vec<Job> = self.plan.of(self.level, When::Keep).cloned().collect();
        let main = self.plan.main.clone();
        // Where there are run levels, init(8) ends what is no longer asked for.
        self.services
            .keep(jobs.into_iter(), main, self.level.is_some());
    }

    /// Takes over what the files say now. What was run once is not run again.
    pub(super) fn reload(&mut self) {
        self.plan = (self.manners.load)(self.options);
        self.plan.boot.clear();
        if self.state == State::Run {
            self.keep();
        }
    }

    pub(super) fn ctrl_alt_del(&mut self) {
        for (levels, job) in &self.plan.ctrl_alt_del {
            if self.level.is_none_or(|level| levels.contain(level)) {
                child::start_or_report(job, self.env.strings());
            }
        }
    }

    /// The jobs for word about the power do not stop anything else.
    pub(super) fn power(&self, power: Power) {
        let steps = self.plan.power.iter().filter(|(when, _)| *when == power);
        for (_, step) in steps {
            child::start_or_report(&step.job, self.env.strings());
        }
    }
}
