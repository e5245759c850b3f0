//! The supervisor: carries out what the table decides.

use std::collections::VecDeque;
use std::ffi::CString;
use std::io;
use std::os::fd::AsFd;
use std::time::Instant;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid as NixPid;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, WaitOptions, wait};
use veld_sys::{Context, Failure};

use super::child;
use super::patience::{KILL, SHUTDOWN_JOBS, TERMINATE, TICK, late};
use super::service::{self, Service};
use super::signals::{self, Signals};
use super::table::{self, Action, End, Event, State};
use crate::plan::{Job, Plan};
use crate::{console, environment, notify::Notify};

/// PID 1 as it supervises.
pub(super) struct Supervisor<'a> {
    load: &'a dyn Fn() -> Plan,
    signals: Signals,
    notify: Notify,
    env: Vec<CString>,
    plan: Plan,
    state: State,
    /// Which end is under way from `Shutdown` on.
    end: End,
    /// Boot or shutdown jobs that are still to run.
    queue: VecDeque<Job>,
    /// The one that runs.
    awaited: Option<Pid>,
    services: Vec<Service>,
    /// When the present state has lasted long enough.
    deadline: Option<Instant>,
}

impl<'a> Supervisor<'a> {
    /// One that has not begun; `load` reads the distribution's files.
    pub(super) fn new(load: &'a dyn Fn() -> Plan, signals: Signals) -> Self {
        Self {
            load,
            signals,
            notify: Notify::from_environment(),
            env: environment::for_services(),
            plan: Plan::default(),
            state: State::Boot,
            end: End::Restart,
            queue: VecDeque::new(),
            awaited: None,
            services: Vec::new(),
            deadline: None,
        }
    }

    /// What is to take over after [`End::Restart`].
    pub(super) fn successor(&mut self) -> Option<Job> {
        self.plan.restart.take()
    }

    /// The environment of services.
    pub(super) fn env(&self) -> &[CString] {
        &self.env
    }

    /// Enters the first state, with a plan read anew.
    pub(super) fn boot(&mut self) {
        self.plan = (self.load)();
        self.queue = std::mem::take(&mut self.plan.boot).into();
        self.services.clear();
        self.awaited = None;
        self.deadline = None;
        self.state = State::Boot;
        let _ = self.next_job();
    }

    /// The loop, from `Boot` until the table says that all is done.
    ///
    /// # Errors
    /// Where the kernel refuses to wait for signals or to hand them out.
    pub(super) fn live(&mut self) -> Result<End, Failure> {
        loop {
            self.start_due_services();
            self.sleep().context(|| "wait for signals")?;
            let mut finished = false;
            while let Some(signal) = self.signals.next().context(|| "read signals")? {
                if let Some(event) = signals::meaning(signal) {
                    finished |= self.handle(event);
                }
            }
            finished |= self.reap();
            if self.is_stopping() && nobody_is_left() {
                finished |= self.handle(Event::NobodyLeft);
            }
            if self.deadline.is_some_and(|at| Instant::now() >= at) {
                finished |= self.handle(Event::Deadline);
            }
            if finished {
                return Ok(self.end);
            }
        }
    }

    fn is_stopping(&self) -> bool {
        matches!(self.state, State::Terminate | State::Kill)
    }

    /// Waits until a signal came or something is due.
    fn sleep(&self) -> io::Result<()> {
        let now = Instant::now();
        let service = match self.state {
            State::Run => self.services.iter().filter_map(Service::waits_until).min(),
            State::Boot | State::Shutdown | State::Terminate | State::Kill => None,
        };
        let tick = self.is_stopping().then(|| now + TICK);
        let until = [self.deadline, service, tick].into_iter().flatten().min();
        let timeout = until
            .map(|until| Timespec::try_from(until.saturating_duration_since(now)))
            .transpose()
            .map_err(|_| io::ErrorKind::InvalidInput)?;
        let mut descriptors = [PollFd::from_borrowed_fd(
            self.signals.as_fd(),
            PollFlags::IN,
        )];
        match poll(&mut descriptors, timeout.as_ref()) {
            // A freezer or a debugger had us for a while.
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Takes an event through the table; true when all is done.
    fn handle(&mut self, event: Event) -> bool {
        if event == Event::Stop(End::Restart) && self.plan.restart.is_none() {
            return false;
        }
        let (state, action) = table::decide(self.state, event);
        if event == Event::Deadline {
            self.deadline = None;
            console::say(&late(self.state));
        }
        self.state = state;
        self.apply(action)
    }

    /// Does what the table says; true when all is done.
    fn apply(&mut self, action: Action) -> bool {
        match action {
            Action::Ignore => {}
            Action::NextJob => return self.next_job(),
            Action::Serve => self.serve(),
            Action::Reload => self.reload(),
            Action::CtrlAltDel => {
                for job in &self.plan.ctrl_alt_del {
                    start_or_report(job, &self.env);
                }
            }
            Action::BeginShutdown(end) => {
                self.end = end;
                self.notify.send("STOPPING=1\nSTATUS=Stopping services");
                self.queue = std::mem::take(&mut self.plan.shutdown).into();
                self.deadline = Some(Instant::now() + SHUTDOWN_JOBS);
                return self.next_job();
            }
            Action::Strengthen(end) => self.end = self.end.max(end),
            Action::Terminate => {
                self.notify.send("STATUS=Ending all processes");
                signal_all(Signal::SIGTERM);
                // A stopped process ends only once it goes on.
                signal_all(Signal::SIGCONT);
                self.deadline = Some(Instant::now() + TERMINATE);
            }
            Action::Kill => {
                signal_all(Signal::SIGKILL);
                self.deadline = Some(Instant::now() + KILL);
            }
            Action::Finish => return true,
        }
        false
    }

    /// Starts the next job of the queue that can be started.
    fn next_job(&mut self) -> bool {
        while let Some(job) = self.queue.pop_front() {
            self.notify.send(&format!("STATUS=Running {}", job.process));
            self.awaited = start_or_report(&job, &self.env);
            if self.awaited.is_some() {
                return false;
            }
        }
        self.awaited = None;
        self.handle(Event::QueueEmpty)
    }

    fn serve(&mut self) {
        for job in &self.plan.once {
            start_or_report(job, &self.env);
        }
        let jobs = std::mem::take(&mut self.plan.keep);
        self.services = jobs.into_iter().map(Service::new).collect();
        self.start_due_services();
        self.notify.send("READY=1\nSTATUS=Services are up");
    }

    /// Takes over what the files say now. What was run once is not run again.
    fn reload(&mut self) {
        let plan = (self.load)();
        let keep = std::mem::replace(&mut self.plan, plan).keep;
        self.plan.boot.clear();
        if self.state == State::Run {
            let jobs = std::mem::replace(&mut self.plan.keep, keep);
            self.services = service::merge(std::mem::take(&mut self.services), jobs);
        }
    }

    fn start_due_services(&mut self) {
        if self.state != State::Run {
            return;
        }
        let now = Instant::now();
        for service in self.services.iter_mut().filter(|it| it.is_due(now)) {
            service.pid = start_or_report(&service.job, &self.env);
            if service.pid.is_none() {
                tell_if_paused(service, now);
            }
        }
    }

    /// Takes leave of every child that has ended; true when all is done.
    fn reap(&mut self) -> bool {
        let mut finished = false;
        // ECHILD, the one error that can be, is "none left" as well.
        while let Ok(Some((pid, _))) = wait(WaitOptions::NOHANG) {
            if let Some(service) = self.services.iter_mut().find(|it| it.pid == Some(pid)) {
                tell_if_paused(service, Instant::now());
            }
            if self.awaited == Some(pid) {
                self.awaited = None;
                finished |= self.handle(Event::JobEnded);
            }
        }
        finished
    }
}

fn start_or_report(job: &Job, env: &[CString]) -> Option<Pid> {
    child::start(job, env)
        .inspect_err(|failure| console::report(failure))
        .ok()
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

/// Signals every process of the pid namespace but this one.
fn signal_all(signal: Signal) {
    // ESRCH: there is none.
    let _ = kill(NixPid::from_raw(-1), signal);
}

fn nobody_is_left() -> bool {
    kill(NixPid::from_raw(-1), None) == Err(Errno::ESRCH)
}
