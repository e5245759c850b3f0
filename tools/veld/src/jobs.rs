//! One action on several VEs at once.
//!
//! A start forks, and forks are sound only in a process with one thread: so each
//! VE has a worker process, and its result comes back through a pipe as JSON.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde::{Deserialize, Serialize};
use veld_supervisor::{Done, Error, Host, Ve};
use veld_sys::process::{Child, Forked, exit_now, fork};
use veld_sys::{Context, Failure};

use crate::cli::Which;
use crate::gate::Gate;
use crate::output;
use crate::report::{self, Failed};

/// How long a worker that has said how it went, or that nobody can hear any
/// more, may take to end.
const ENDING: Duration = Duration::from_secs(2);

/// A process that works on one VE.
#[derive(Debug)]
struct Worker {
    ve: String,
    pipe: File,
    process: Child,
}

/// What became of one VE.
#[derive(Debug, Serialize, Deserialize)]
struct Outcome {
    ve: String,
    done: Option<String>,
    warnings: Vec<String>,
    errors: Vec<String>,
    hint: Option<String>,
}

/// Runs `action` on all VEs meant and prints one line of result for each.
///
/// # Errors
/// [`Failed::Reported`] where any failed, after all have been tried.
pub(crate) fn each(
    host: &Host,
    which: &Which,
    action: impl Fn(&Ve<'_>) -> Result<Done, Error>,
) -> Result<(), Failed> {
    let (ves, mut failed) = chosen(host, which)?;
    match ves.as_slice() {
        [] => {}
        [ve] => failed |= tell(ve, action(ve))?,
        many => failed |= in_workers(many, &mut Gate::Workers, &action)?,
    }
    Failed::reported_if(failed)
}

/// The VEs meant, and whether there are some that are not there, which is said.
pub(crate) fn chosen<'h>(host: &'h Host, which: &Which) -> Result<(Vec<Ve<'h>>, bool), Failed> {
    let mut failed = false;
    let mut ves = Vec::new();
    if which.all {
        ves = host.ves()?;
    }
    for name in &which.ves {
        match host.find_or_left(name) {
            Ok(ve) => ves.push(ve),
            Err(error) => {
                report::action(&error);
                failed = true;
            }
        }
    }
    Ok((ves, failed))
}

/// Runs `action` on each VE in a process of its own, in their order and as many
/// at once as the gate lets through; whether any failed.
///
/// # Errors
/// A worker cannot be made or waited for; those that work go on.
pub(crate) fn in_workers(
    ves: &[Ve<'_>],
    gate: &mut Gate,
    action: &impl Fn(&Ve<'_>) -> Result<Done, Error>,
) -> Result<bool, Failed> {
    let mut waiting = ves.iter().peekable();
    let mut workers = Workers::default();
    loop {
        while waiting.peek().is_some()
            && gate.lets_through(workers.count())
            && let Some(ve) = waiting.next()
        {
            workers.start(ve, || action(ve))?;
        }
        if workers.count() == 0 && waiting.peek().is_none() {
            return Ok(workers.failed);
        }
        let patience = waiting.peek().and_then(|_| gate.patience());
        let ready = ready(&workers.pipes(), patience)?;
        workers.collect(&ready)?;
    }
}

/// Processes that work on a VE each.
#[derive(Debug, Default)]
pub(crate) struct Workers {
    working: Vec<Worker>,
    /// Whether any has failed, or was not done.
    pub(crate) failed: bool,
}

impl Workers {
    pub(crate) fn count(&self) -> usize {
        self.working.len()
    }

    pub(crate) fn start(
        &mut self,
        ve: &Ve<'_>,
        action: impl FnOnce() -> Result<Done, Error>,
    ) -> Result<(), Failure> {
        let others = &mut self.working;
        let worker = Worker::start(ve, || {
            // A launcher needs numbers for descriptors that theirs would have.
            others.clear();
            action()
        })?;
        self.working.push(worker);
        Ok(())
    }

    /// What is readable once a worker has something to say or has ended.
    pub(crate) fn pipes(&self) -> Vec<BorrowedFd<'_>> {
        self.working.iter().map(|one| one.pipe.as_fd()).collect()
    }

    /// Shows what those of these workers say, which are the first of a list.
    pub(crate) fn collect(&mut self, ready: &[bool]) -> Result<(), Failed> {
        for index in (0..self.working.len()).rev() {
            if ready.get(index) == Some(&true) {
                self.failed |= show(&self.working.swap_remove(index).outcome())?;
            }
        }
        Ok(())
    }
}

impl Worker {
    fn start(ve: &Ve<'_>, action: impl FnOnce() -> Result<Done, Error>) -> Result<Self, Failure> {
        let (reader, mut writer) = std::io::pipe().context(|| "create a pipe")?;
        match fork().context(|| format!("fork a worker for {}", ve.name()))? {
            Forked::Child => {
                drop(reader);
                let outcome = Outcome::of(ve, action());
                let line = serde_json::to_vec(&outcome).map(|line| [&line[..], b"\n"].concat());
                let sent = line.is_ok_and(|line| writer.write_all(&line).is_ok());
                exit_now(i32::from(!sent));
            }
            Forked::Parent(process) => Ok(Self {
                ve: ve.name().to_string(),
                pipe: File::from(OwnedFd::from(reader)),
                process,
            }),
        }
    }

    /// What it said, or how it died; reaped.
    ///
    /// It says one line. The end of file is not waited for: a launcher that it
    /// has forked may still hold the pipe.
    fn outcome(self) -> Outcome {
        let mut line = Vec::new();
        let _ = BufReader::new(self.pipe).read_until(b'\n', &mut line);
        let ended = self.process.reap(ENDING);
        serde_json::from_slice(&line).unwrap_or_else(|_| {
            let signal = ended.and_then(|status| status.terminating_signal());
            let how = signal.map_or_else(String::new, |signal| format!(" (signal {signal})"));
            Outcome {
                errors: vec![format!("{}: worker died before reporting{how}", self.ve)],
                ve: self.ve,
                done: None,
                warnings: Vec::new(),
                hint: None,
            }
        })
    }
}

/// Which of the descriptors are readable or closed, once any is or `patience` is
/// over.
pub(crate) fn ready(
    fds: &[BorrowedFd<'_>],
    patience: Option<Duration>,
) -> Result<Vec<bool>, Failure> {
    let mut fds: Vec<PollFd<'_>> = fds
        .iter()
        .map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN))
        .collect();
    let patience = patience.map(|time| Timespec::try_from(time).unwrap_or_default());
    match poll(&mut fds, patience.as_ref()) {
        Err(rustix::io::Errno::INTR) => {}
        result => drop(result.context(|| "wait for VEs and workers")?),
    }
    Ok(fds.iter().map(|fd| !fd.revents().is_empty()).collect())
}

impl Outcome {
    fn of(ve: &Ve<'_>, result: Result<Done, Error>) -> Self {
        let ve = ve.name().to_string();
        match result {
            Ok(done) => Self {
                ve,
                done: Some(done.what),
                warnings: done.warnings,
                errors: Vec::new(),
                hint: None,
            },
            Err(error) => {
                let also = error
                    .also()
                    .iter()
                    .map(|also| format!("{}: also: {also}", error.ve()));
                Self {
                    ve,
                    done: None,
                    warnings: Vec::new(),
                    errors: error.lines().into_iter().chain(also).collect(),
                    hint: error.hint().map(str::to_owned),
                }
            }
        }
    }
}

/// Prints what became of a VE; whether it is a failure.
pub(crate) fn tell(ve: &Ve<'_>, result: Result<Done, Error>) -> Result<bool, Failed> {
    show(&Outcome::of(ve, result))
}

/// Prints an outcome; whether it is a failure.
fn show(outcome: &Outcome) -> Result<bool, Failed> {
    for warning in &outcome.warnings {
        report::warning(&outcome.ve, warning);
    }
    for error in &outcome.errors {
        report::line(error);
    }
    if let Some(hint) = &outcome.hint {
        report::hint(hint);
    }
    match &outcome.done {
        // There was nothing to do, which is nothing to say.
        Some(done) if done.is_empty() => Ok(false),
        Some(done) => {
            output::print(&format!("{}: {done}\n", outcome.ve))?;
            Ok(false)
        }
        None => Ok(true),
    }
}
