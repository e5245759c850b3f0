//! Plans from an inittab, whichever dialect it is in.

use veld_protocol::kind::{INITTAB, Look};

use super::root::Root;
use crate::console;
use crate::getty;
use crate::inittab::{self, Action, Dialect, Entry as Line};
use crate::plan::{Entry, Job, When};

/// Lines of an inittab, and what messages call it.
pub(super) struct Table {
    name: &'static str,
    lines: Vec<Line>,
    /// Whether somebody wants a login prompt.
    getty: bool,
}

impl Table {
    /// Reads /etc/inittab, or `fallback` (a name and a text) where there is none.
    /// What is wrong with it is told on the console.
    pub(super) fn read(dialect: Dialect, fallback: (&'static str, &str), getty: bool) -> Self {
        let limit = u64::try_from(inittab::MAX_BYTES).unwrap_or(u64::MAX);
        match Root.start(INITTAB, limit.saturating_add(1)) {
            Some(file) => Self::parse(INITTAB, &file, dialect, getty),
            None => {
                if std::fs::symlink_metadata(INITTAB).is_ok() {
                    console::say(&format!("cannot read {INITTAB}: it is no file"));
                }
                Self::parse(fallback.0, fallback.1.as_bytes(), dialect, getty)
            }
        }
    }

    /// Reads a text.
    pub(super) fn parse(name: &'static str, file: &[u8], dialect: Dialect, getty: bool) -> Self {
        let (lines, complaints) = inittab::parse(file, dialect);
        for complaint in complaints {
            console::say(&format!("{name}:{}: {complaint}", complaint.line));
        }
        Self { name, lines, getty }
    }

    /// The lines of one action in the order of the file, less login prompts unless
    /// they are wanted.
    pub(super) fn lines(&self, action: Action) -> impl Iterator<Item = &Line> {
        self.lines
            .iter()
            .filter(move |line| line.action == action)
            .filter(|line| self.getty || !is_for_a_person(line))
    }

    /// The jobs of one action.
    pub(super) fn jobs(&self, action: Action) -> Vec<Job> {
        self.lines(action).map(|line| self.job(line)).collect()
    }

    /// The entries of one action.
    pub(super) fn entries(&self, action: Action, when: When) -> Vec<Entry> {
        let entry = |line: &Line| Entry {
            levels: line.levels,
            when,
            job: self.job(line),
        };
        let entries: Vec<Entry> = self.lines(action).map(entry).collect();
        if self.getty {
            on_the_console(entries)
        } else {
            entries
        }
    }

    /// The job of a line.
    pub(super) fn job(&self, line: &Line) -> Job {
        Job {
            origin: format!("{}:{}", self.name, line.line),
            process: line.process.clone(),
            terminal: line.terminal.clone(),
            ask: line.action == Action::Askfirst,
            id: line.id.clone(),
        }
    }
}

fn is_for_a_person(line: &Line) -> bool {
    line.action == Action::Askfirst || getty::is_login(&line.process)
}

/// A VE's only terminal is the console, while an inittab may have a prompt on
/// each of six: those whose terminal is missing become one, on the console.
fn on_the_console(entries: Vec<Entry>) -> Vec<Entry> {
    let mut console_taken = false;
    entries
        .into_iter()
        .filter_map(|mut entry| {
            let job = &mut entry.job;
            if !getty::is_login(&job.process) && !job.ask {
                return Some(entry);
            }
            let Some(terminal) = missing_terminal(job) else {
                return Some(entry);
            };
            if std::mem::replace(&mut console_taken, true) {
                return None;
            }
            let words = job
                .process
                .split(' ')
                .map(|word| if word == terminal { "console" } else { word });
            job.process = words.collect::<Vec<_>>().join(" ");
            job.terminal = None;
            Some(entry)
        })
        .collect()
}

/// The terminal that a prompt names, by its id or as an operand, and that /dev lacks.
fn missing_terminal(job: &Job) -> Option<String> {
    let named = job.process.split(' ').find(|word| word.starts_with("tty"));
    job.terminal
        .as_deref()
        .or(named)
        .filter(|terminal| !std::path::Path::new("/dev").join(terminal).exists())
        .map(str::to_owned)
}
