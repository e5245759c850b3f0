//! What runs in which run level; inits without any have one level, which has all.

use std::time::Instant;

use super::Supervisor;
use crate::console;
use crate::level::Level;
use crate::plan::{Job, Power, When};
use crate::supervise::child;
use crate::supervise::patience::SURELY_UP;
use crate::supervise::services::LEAVE;
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
        self.services.leave_all_but(&stay, level == Level::SINGLE);
        let once: Vec<&Job> = self.plan.of(Some(level), When::Once).collect();
        let gone = self.ran.iter().filter(|(job, _)| !once.contains(&job));
        for pid in gone.filter_map(|&(_, pid)| pid) {
            self.services.end(pid, LEAVE);
        }
        if let Some((pid, _)) = self.awaited.take() {
            self.services.end(pid, LEAVE);
        }
    }

    /// Queues what begins the run level. What ran in the one before and belongs to
    /// both does not run again.
    pub(super) fn enter_level(&mut self) -> bool {
        if let Some(level) = self.level {
            if self.before.is_none() {
                utmp::booted();
            }
            utmp::entered(level, self.before);
            self.set_level_variables(level);
        }
        let mut steps = self.plan.awaited(self.level);
        let once: Vec<&Job> = self.plan.of(self.level, When::Once).collect();
        self.ran
            .retain(|(job, _)| once.contains(&job) || steps.iter().any(|step| step.job == *job));
        steps.retain(|step| self.ran.iter().all(|(job, _)| *job != step.job));
        self.ran
            .extend(steps.iter().map(|step| (step.job.clone(), None)));
        self.queue = steps.into();
        self.next_job()
    }

    /// Starts what is to run once in this level and has not.
    fn run_once(&mut self) {
        let jobs: Vec<Job> = self
            .plan
            .of(self.level, When::Once)
            .filter(|job| self.ran.iter().all(|(other, _)| other != *job))
            .cloned()
            .collect();
        for job in jobs {
            let pid = child::start_or_report(&job, self.env.strings());
            self.ran.push((job, pid));
        }
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
        self.run_once();
        self.keep();
        self.up_since = Some(Instant::now());
        self.services.start_due(Instant::now(), self.env.strings());
        if self.was_ready {
            self.notify.send(UP);
        } else {
            self.tell_if_up();
        }
    }

    /// Says that the services are up once they are; and when that could not be seen
    /// for long, since whoever waits for it waits for nothing else.
    pub(super) fn tell_if_up(&mut self) {
        let late = self
            .up_since
            .is_some_and(|since| since.elapsed() > SURELY_UP);
        let is_up = late || (self.manners.is_up)(self.services.main());
        // Where the host had no room for it, it is told with the next look.
        self.was_ready = is_up && self.notify.send(&format!("READY=1\n{UP}"));
    }

    pub(super) fn keep(&mut self) {
        let jobs: Vec<Job> = self.plan.of(self.level, When::Keep).cloned().collect();
        let main = self.plan.main.clone();
        self.services
            .keep(jobs.into_iter(), main, self.plan.ends_removed);
    }

    /// Takes over what the files say now. What was run once is not run again, and
    /// what would be awaited waits for its level to be entered.
    pub(super) fn reload(&mut self) {
        self.plan = (self.manners.load)(self.options);
        self.plan.boot.clear();
        if self.state == State::Run {
            if self.level.is_some() {
                self.run_once();
            }
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
        let jobs = self.plan.power.iter().filter(|(when, _)| *when == power);
        for (_, job) in jobs {
            child::start_or_report(job, self.env.strings());
        }
    }

    /// What an init without run levels does for one user alone.
    pub(super) fn single(&self) {
        if let Some(job) = &self.plan.single {
            child::start_or_report(job, self.env.strings());
        }
    }
}
