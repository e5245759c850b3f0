//! What a supervised VE is to run, whichever file of the distribution said so.
//!
//! A flavour makes a [`Plan`]; the supervisor carries it out without knowing
//! where it came from.

use std::fmt;

use crate::level::{Level, Levels};

/// One command and how it starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Job {
    /// Where it was said, for messages: "/etc/inittab:4".
    pub(crate) origin: String,
    /// The command as written; see [`crate::command`].
    pub(crate) process: String,
    /// The terminal below /dev that it is to have, else the console.
    pub(crate) terminal: Option<String>,
    /// Whether it waits for somebody to press Enter first.
    pub(crate) ask: bool,
    /// What the table calls it, where it has a name that outlives a change of the
    /// command; else empty.
    pub(crate) id: String,
}

impl Job {
    /// A job without a terminal of its own.
    pub(crate) fn new(origin: impl Into<String>, process: impl Into<String>) -> Self {
        Self {
            origin: origin.into(),
            process: process.into(),
            terminal: None,
            ask: false,
            id: String::new(),
        }
    }

    /// What the host is told of it where it does not run as it should: the
    /// program's name and its first operand, without blanks. A program called `run`
    /// has the name of its directory.
    pub(crate) fn short_name(&self) -> String {
        let mut words = self
            .process
            .trim_start_matches(['-', '+', '@'])
            .split_whitespace();
        let program = words.next().unwrap_or_default();
        let program = program.strip_suffix("/run").unwrap_or(program);
        let program = program.rsplit('/').next().unwrap_or_default();
        match words.next() {
            Some(operand) if !operand.starts_with('-') => format!("{program}:{operand}"),
            _ => program.to_owned(),
        }
    }
}

impl fmt::Display for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.process, self.origin)
    }
}

/// A job of a sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) job: Job,
    /// Whether the next waits for its end.
    pub(crate) wait: bool,
}

impl Step {
    /// One whose end is awaited.
    pub(crate) fn awaited(job: Job) -> Self {
        Self { job, wait: true }
    }
}

/// What is done with the job of an entry when its run level is entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// It runs, and its end is awaited before anything else of the level.
    Wait,
    /// After all that is awaited it runs once.
    Once,
    /// From then on it is kept running.
    Keep,
}

/// A job of one or more run levels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) levels: Levels,
    pub(crate) when: When,
    pub(crate) job: Job,
}

/// What the host, or a monitor of its power supply, says of the power.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Power {
    /// It fails.
    Fails,
    /// It fails and the battery is almost empty.
    FailsNow,
    /// It is back.
    Back,
}

/// All that a VE is to run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// At the start, in order.
    pub(crate) boot: Vec<Step>,
    /// The run level that follows, where the init has any.
    pub(crate) level: Option<Level>,
    /// What runs in which level; all of it where there are none.
    pub(crate) entries: Vec<Entry>,
    /// The one job that the VE lives as long as.
    pub(crate) main: Option<Job>,
    /// When asked by Ctrl-Alt-Del's signal.
    pub(crate) ctrl_alt_del: Vec<(Levels, Job)>,
    /// When told about the power; nobody waits for their ends.
    pub(crate) power: Vec<(Power, Job)>,
    /// When asked for one user alone by an init without run levels.
    pub(crate) single: Option<Job>,
    /// Before everything ends, in order, where no run level says what.
    pub(crate) shutdown: Vec<Step>,
    /// The same before a reboot, where that differs.
    pub(crate) reboot: Option<Vec<Step>>,
    /// Whether what is no longer kept after the files were read again is to end.
    pub(crate) ends_removed: bool,
    /// What takes over when the init is asked to restart itself.
    pub(crate) restart: Option<Job>,
}

impl Plan {
    /// What runs in order when `level` is entered.
    pub(crate) fn awaited(&self, level: Option<Level>) -> Vec<Step> {
        let jobs = self.of(level, When::Wait);
        jobs.map(|job| Step::awaited(job.clone())).collect()
    }

    /// The jobs of `level` that are for this.
    pub(crate) fn of(&self, level: Option<Level>, when: When) -> impl Iterator<Item = &Job> {
        self.entries
            .iter()
            .filter(move |entry| entry.when == when)
            .filter(move |entry| level.is_none_or(|level| entry.levels.contain(level)))
            .map(|entry| &entry.job)
    }

    /// What runs in order before everything ends.
    pub(crate) fn last_steps(&self, reboots: bool) -> Vec<Step> {
        if self.level.is_some() {
            let level = if reboots { Level::REBOOT } else { Level::HALT };
            return self.awaited(Some(level));
        }
        match &self.reboot {
            Some(steps) if reboots => steps.clone(),
            _ => self.shutdown.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_name_is_one_word() {
        let name = |process: &str| Job::new("x", process).short_name();
        assert_eq!(name("/etc/init.d/rc 2"), "rc:2");
        assert_eq!(name("-/sbin/syslogd -n"), "syslogd");
        assert_eq!(name("/etc/service/web/run"), "web");
        assert_eq!(name(""), "");
    }

    #[test]
    fn levels_say_what_runs_last() {
        let entry = |levels, job: &str| Entry {
            levels: Levels::of(levels),
            when: When::Wait,
            job: Job::new("x", job),
        };
        let mut plan = Plan {
            entries: vec![entry("0", "halt"), entry("6", "reboot"), entry("2", "rc")],
            shutdown: vec![Step::awaited(Job::new("x", "umount"))],
            ..Plan::default()
        };
        let last = |plan: &Plan, reboots| plan.last_steps(reboots)[0].job.process.clone();
        assert_eq!(last(&plan, true), "umount");
        plan.level = Some(Level::USUAL);
        assert_eq!(
            (last(&plan, false), last(&plan, true)),
            ("halt".into(), "reboot".into())
        );
        assert_eq!(plan.awaited(plan.level).len(), 1);
    }
}
