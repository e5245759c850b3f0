//! The supervisor: carries out what the table decides. What is done for run levels
//! and for children that end is in the modules below.

mod children;
mod levels;

use std::collections::VecDeque;
use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid as NixPid;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use veld_protocol::init::{FAILED, Options};
use veld_protocol::shim::STATUS_LIMIT;
use veld_sys::process::send_signal;
use veld_sys::{Context, Failure};

use super::child;
use super::ear::{Fifo, Request};
use super::patience::{KILL, LOOK, TERMINATE, TICK, late};
use super::services::Services;
use super::signals::{self, Signals};
use super::table::{self, Action, End, Event, State};
use crate::console;
use crate::environment::Environment;
use crate::flavour::Manners;
use crate::host_keys;
use crate::level::Level;
use crate::notify::Notify;
use crate::plan::{Job, Plan, Step};

/// PID 1 as it supervises.
pub(super) struct Supervisor<'a> {
    manners: &'static Manners,
    options: &'a Options,
    signals: Signals,
    fifo: Option<Fifo>,
    notify: Notify,
    env: Environment,
    plan: Plan,
    state: State,
    /// Which end is under way from `Shutdown` on.
    end: End,
    /// The run level, and the one before it.
    level: Option<Level>,
    before: Option<Level>,
    /// Jobs of a sequence that are still to run, and the one that runs.
    queue: VecDeque<Step>,
    awaited: Option<(Pid, Job)>,
    services: Services,
    /// What was awaited or run once in this level, and its process if that runs.
    ran: Vec<(Job, Option<Pid>)>,
    /// Whether the last jobs wait for others to end.
    is_held_up: bool,
    /// Since when services run, whether or not they are up.
    up_since: Option<Instant>,
    /// When the present state has lasted long enough.
    deadline: Option<Instant>,
    /// How the main job ended, as a shell has it.
    status: i32,
    /// Jobs of a sequence that ended otherwise than by success.
    failed: Vec<String>,
    /// What the host knows of failures.
    told: Vec<String>,
    was_ready: bool,
}

impl<'a> Supervisor<'a> {
    /// One that has not begun.
    pub(super) fn new(manners: &'static Manners, options: &'a Options, signals: Signals) -> Self {
        Self {
            manners,
            options,
            signals,
            fifo: manners.ear.map(Fifo::new),
            notify: Notify::from_environment(),
            env: Environment::new(),
            plan: Plan::default(),
            state: State::Boot,
            end: End::Restart,
            level: None,
            before: None,
            queue: VecDeque::new(),
            awaited: None,
            services: Services::default(),
            ran: Vec::new(),
            is_held_up: false,
            up_since: None,
            deadline: None,
            status: 0,
            failed: Vec::new(),
            told: Vec::new(),
            was_ready: false,
        }
    }

    /// What is to take over after [`End::Restart`].
    pub(super) fn successor(&mut self) -> Option<Job> {
        self.plan.restart.take()
    }

    /// The environment of services.
    pub(super) fn env(&self) -> &[std::ffi::CString] {
        self.env.strings()
    }

    /// How the main job ended, as a shell has it.
    pub(super) fn status(&self) -> i32 {
        self.status
    }

    /// Enters the first state, with a plan read anew.
    pub(super) fn boot(&mut self) {
        self.plan = (self.manners.load)(self.options);
        self.queue = std::mem::take(&mut self.plan.boot).into();
        // Before all else: the server may be started by any of the others.
        if !self.manners.is_command
            && let Some(step) = host_keys::step()
        {
            self.queue.push_front(step);
        }
        self.services = Services::default();
        self.ran.clear();
        self.failed.clear();
        self.up_since = None;
        self.awaited = None;
        self.deadline = None;
        self.before = None;
        self.was_ready = false;
        self.level = self.plan.level;
        if self.level.is_some() {
            self.set_level_variables(Level::SINGLE);
        }
        self.state = State::Boot;
        let _ = self.next_job();
    }

    /// The loop, from `Boot` until the table says that all is done.
    ///
    /// # Errors
    /// Where the kernel refuses to wait for signals or to hand them out.
    pub(super) fn live(&mut self) -> Result<End, Failure> {
        loop {
            self.tend();
            self.sleep().context(|| "wait for signals")?;
            let mut finished = false;
            while let Some(signal) = self.signals.next().context(|| "read signals")? {
                finished |= self.signalled(signal);
            }
            for request in self.fifo.as_mut().map_or_else(Vec::new, Fifo::requests) {
                finished |= self.asked(request);
            }
            finished |= self.reap();
            finished |= self.go_on_if_all_left();
            if self.is_ending() && nobody_is_left() {
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

    /// Does what is due without anything having happened.
    fn tend(&mut self) {
        let now = Instant::now();
        if let Some(fifo) = &mut self.fifo {
            // Told when it was made for the first time; a boot may take /run away.
            let _ = fifo.ensure();
        }
        if self.state == State::Run {
            self.services.start_due(now, self.env.strings());
            if !self.was_ready {
                self.tell_if_up();
            }
        }
        self.services.kill_late(now);
        let mut failed = self.failed.clone();
        failed.extend(self.services.failed(now));
        if failed != self.told && !self.is_ending() {
            let names = cut(failed.join(" "), STATUS_LIMIT);
            // What could not be said is said when there is something else to do.
            if self.notify.send(&format!("{FAILED}{names}")) {
                self.told = failed;
            }
        }
    }

    fn is_ending(&self) -> bool {
        matches!(self.state, State::Terminate | State::Kill)
    }

    /// Waits until a signal or a request came or something is due.
    fn sleep(&self) -> io::Result<()> {
        let now = Instant::now();
        let service = self.services.due_at(self.state == State::Run);
        let tick = self.is_ending().then(|| now + TICK);
        let is_coming_up = self.state == State::Run && !self.was_ready;
        let look = is_coming_up.then(|| now + self.look());
        let until = [self.deadline, service, tick, look]
            .into_iter()
            .flatten()
            .min();
        let timeout = until
            .map(|until| Timespec::try_from(until.saturating_duration_since(now)))
            .transpose()
            .map_err(|_| io::ErrorKind::InvalidInput)?;
        let fifo = self.fifo.as_ref().and_then(Fifo::descriptor);
        let mut descriptors: Vec<PollFd<'_>> = [Some(self.signals.as_fd()), fifo]
            .into_iter()
            .flatten()
            .map(|descriptor| PollFd::from_borrowed_fd(descriptor, PollFlags::IN))
            .collect();
        match poll(&mut descriptors, timeout.as_ref()) {
            // A freezer or a debugger had us for a while.
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    /// How long until it is asked again whether the services are up.
    fn look(&self) -> Duration {
        let age = self
            .up_since
            .map_or(Duration::ZERO, |since| since.elapsed());
        LOOK.max(age / 8)
    }

    /// Does what a signal asks for; true when all is done.
    fn signalled(&mut self, signal: i32) -> bool {
        match signals::of_host(signal).or_else(|| (self.manners.meaning)(signal)) {
            Some(event) => self.handle(event),
            None => {
                if self.manners.is_command && signal != Signal::SIGCHLD as i32 {
                    self.forward(signal);
                }
                false
            }
        }
    }

    /// Passes a signal on to the main job, real-time ones too.
    fn forward(&self, signal: i32) {
        let main = self.services.main();
        let main = main.and_then(|main| pidfd_open(main, PidfdFlags::empty()).ok());
        if let Some(main) = main {
            // One that has ended will be heard of.
            let _ = send_signal(main.as_fd(), signal);
        }
    }

    /// Does what was asked for on the fifo; true when all is done.
    fn asked(&mut self, request: Request) -> bool {
        match request {
            Request::Event(event) => self.handle(event),
            Request::Level(Level::HALT) => {
                // What `shutdown -H` leaves; of `init 0` the power goes too.
                let halts = self.env.get("INIT_HALT") == Some("HALT");
                self.handle(Event::Stop(if halts { End::Halt } else { End::PowerOff }))
            }
            Request::Level(Level::SINGLE) if self.level.is_none() => self.handle(Event::Single),
            Request::Level(Level::REBOOT) => self.handle(Event::Stop(End::Reboot)),
            Request::Level(level) => self.handle(Event::Level(level)),
            Request::Environment(name, value) => {
                self.env.set(name, value);
                false
            }
        }
    }

    /// Takes an event through the table; true when all is done.
    fn handle(&mut self, event: Event) -> bool {
        let has_no_successor = event == Event::Stop(End::Restart) && self.plan.restart.is_none();
        // An init without run levels has none to go to.
        let stays = |level| self.level.is_none_or(|present| present == level);
        let is_moot = has_no_successor || matches!(event, Event::Level(level) if stays(level));
        if is_moot {
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
            Action::Choose(level) => self.level = self.level.map(|_| level),
            Action::LeaveFor(level) => self.leave_for(level),
            Action::EnterLevel => return self.enter_level(),
            Action::Add(level) => self.add(level),
            Action::Serve => self.serve(),
            Action::Reload => self.reload(),
            Action::CtrlAltDel => self.ctrl_alt_del(),
            Action::Power(power) => self.power(power),
            Action::Single => self.single(),
            Action::BeginShutdown(end) => return self.begin_shutdown(end),
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

    /// Starts jobs of the queue up to the next that is to be awaited.
    fn next_job(&mut self) -> bool {
        self.awaited = None;
        while let Some(Step { job, wait }) = self.queue.pop_front() {
            self.notify.send(&format!("STATUS=Running {}", job.process));
            let pid = child::start_or_report(&job, self.env.strings());
            if pid.is_none() {
                self.failed.push(job.short_name());
            }
            if let Some(pid) = pid.filter(|_| wait) {
                self.awaited = Some((pid, job));
                return false;
            }
        }
        self.handle(Event::QueueEmpty)
    }
}

/// The beginning of a text, of at most so many bytes.
fn cut(mut text: String, most: usize) -> String {
    let end = (0..=most.min(text.len()))
        .rev()
        .find(|&end| text.is_char_boundary(end));
    text.truncate(end.unwrap_or(0));
    text
}

/// Signals every process of the pid namespace but this one.
fn signal_all(signal: Signal) {
    // ESRCH: there is none.
    let _ = kill(NixPid::from_raw(-1), signal);
}

fn nobody_is_left() -> bool {
    kill(NixPid::from_raw(-1), None) == Err(Errno::ESRCH)
}
