//! `veld stop`
//!
//! All VEs are asked at once, and may take equally long from the beginning of the
//! command on, but for a few seconds that one is given which could be asked only
//! late. They are waited for here, in one process, and what is left to do once a
//! VE is over, which the kernel takes its time for, is done by workers.

use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use veld_supervisor::{ErrorKind, Host, LOCK_PATIENCE, Manner, Patience, Stopping, Ve};

use crate::cli::Stop;
use crate::gate::Gate;
use crate::jobs::{Workers, chosen, ready, tell};
use crate::report::Failed;

/// How often a lock is tried that another command holds.
const TRY: Duration = Duration::from_millis(20);

/// How many VEs are looked at in the time that one look may come late.
const LOOKS: usize = 16;

/// Descriptors that a VE takes while it is stopped, and that all else takes.
const FILES_OF_ONE: u64 = 4;
const FILES_OF_ALL: u64 = 128;

pub(crate) fn run(host: &Host, stop: &Stop) -> Result<(), Failed> {
    // Before it is looked which VEs there are.
    let for_all = manner(host, stop, Patience::of_all);
    let (ves, mut failed) = chosen(host, &stop.which)?;
    match ves.as_slice() {
        [] => {}
        [ve] if !stop.which.all => {
            let manner = manner(host, stop, Patience::of_each);
            failed |= tell(ve, veld_supervisor::stop(ve, manner))?;
        }
        many => failed |= Stops::new(many, for_all, stop.which.all).run()?,
    }
    Failed::reported_if(failed)
}

/// How VEs are stopped.
pub(crate) fn manner(host: &Host, stop: &Stop, patience: fn(Duration) -> Patience) -> Manner {
    if stop.force {
        return Manner::Kill;
    }
    let time = stop.timeout.unwrap_or(host.config().stop_timeout);
    Manner::Ask(patience(time.duration()))
}

/// VEs on their way from running to stopped.
struct Stops<'a> {
    manner: Manner,
    /// Whether they are all that there are: then some may well not run.
    all: bool,
    /// Not begun with: until when their lock is waited for.
    waiting: VecDeque<(&'a Ve<'a>, Instant)>,
    /// Asked, and when the next look at them is due.
    asked: Vec<(Stopping<'a>, Instant)>,
    /// Ended, or to be killed.
    over: VecDeque<Stopping<'a>>,
    workers: Workers,
    /// How many may be asked or over at a time.
    most: usize,
    failed: bool,
}

impl<'a> Stops<'a> {
    fn new(ves: &'a [Ve<'a>], manner: Manner, all: bool) -> Self {
        let until = Instant::now() + LOCK_PATIENCE;
        Self {
            manner,
            all,
            waiting: ves.iter().map(|ve| (ve, until)).collect(),
            asked: Vec::new(),
            over: VecDeque::new(),
            workers: Workers::default(),
            most: room_for_files(),
            failed: false,
        }
    }

    fn run(mut self) -> Result<bool, Failed> {
        loop {
            self.begin()?;
            while Gate::Workers.lets_through(self.workers.count())
                && let Some(stopping) = self.over.pop_front()
            {
                let (ve, asked, over) = (stopping.ve(), &mut self.asked, &mut self.over);
                self.workers.start(ve, || {
                    // A worker has the lock of its own VE, and is the only one.
                    asked.clear();
                    over.clear();
                    stopping.finish()
                })?;
            }
            if self.is_done() {
                return Ok(self.failed | self.workers.failed);
            }
            self.wait()?;
        }
    }

    fn is_done(&self) -> bool {
        self.waiting.is_empty()
            && self.asked.is_empty()
            && self.over.is_empty()
            && self.workers.count() == 0
    }

    /// Begins with each that there is room for and whose lock is free.
    fn begin(&mut self) -> Result<(), Failed> {
        for _ in 0..self.waiting.len() {
            if self.asked.len() + self.over.len() >= self.most {
                break;
            }
            let Some((ve, until)) = self.waiting.pop_front() else {
                break;
            };
            match Stopping::begin(ve, self.manner, Duration::ZERO) {
                Ok(stopping) if self.all && !stopping.has_something_to_stop() => {}
                Ok(stopping) => self.asked.push((stopping, Instant::now())),
                Err(error) if error.kind() == ErrorKind::Locked && Instant::now() < until => {
                    self.waiting.push_back((ve, until));
                }
                Err(error) => self.failed |= tell(ve, Err(error))?,
            }
        }
        self.look(&[])
    }

    /// Looks at those that are ready, by their place, or due.
    fn look(&mut self, ready: &[bool]) -> Result<(), Failed> {
        let spread = u32::try_from(1 + self.asked.len() / LOOKS).unwrap_or(u32::MAX);
        let asked = std::mem::take(&mut self.asked);
        for (index, (mut stopping, due)) in asked.into_iter().enumerate() {
            let now = Instant::now();
            if ready.get(index) != Some(&true) && now < due {
                self.asked.push((stopping, due));
                continue;
            }
            match stopping.look() {
                Ok(None) => self.over.push_back(stopping),
                // One that is not even asked yet is looked at often, but not so
                // often that the others have to wait for it.
                Ok(Some(wait)) if wait < TRY => self.asked.push((stopping, now + wait * spread)),
                Ok(Some(wait)) => self.asked.push((stopping, now + wait)),
                Err(error) => self.failed |= tell(stopping.ve(), Err(error))?,
            }
        }
        Ok(())
    }

    /// Waits for whatever comes first.
    fn wait(&mut self) -> Result<(), Failed> {
        let due = self.asked.iter().map(|(_, due)| *due).min();
        let room = self.asked.len() + self.over.len() < self.most;
        let again = (room && !self.waiting.is_empty()).then(|| Instant::now() + TRY);
        let until = due.into_iter().chain(again).min();
        let patience = until.map(|until| until.saturating_duration_since(Instant::now()));
        let mut fds: Vec<BorrowedFd<'_>> = self.workers.pipes();
        let workers = fds.len();
        fds.extend(self.asked.iter().map(|(stopping, _)| stopping.as_fd()));
        let ready = ready(&fds, patience)?;
        let (of_workers, of_asked) = ready.split_at_checked(workers).unwrap_or_default();
        self.workers.collect(of_workers)?;
        self.look(of_asked)
    }
}

/// How many VEs there are files for, after asking for as many as may be had.
fn room_for_files() -> usize {
    let held = getrlimit(Resource::Nofile);
    let wanted = Rlimit {
        current: held.maximum,
        ..held
    };
    let limit = match setrlimit(Resource::Nofile, wanted) {
        Ok(()) => held.maximum,
        Err(_) => held.current,
    };
    // Without a limit there is none.
    let files = limit.unwrap_or(u64::MAX).saturating_sub(FILES_OF_ALL);
    usize::try_from(files / FILES_OF_ONE)
        .unwrap_or(usize::MAX)
        .max(1)
}
