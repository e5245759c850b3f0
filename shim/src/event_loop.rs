//! The loop: what can happen, and what is done about it in each state.
//!
//! ```text
//!            typed more than the tty takes
//! Flowing ───────────────────────────────────> Stuffed
//!    │    <───────────────────────────────────    │
//!    │            the tty took the rest           │
//!    └──────────> Ended <─────────────────────────┘
//!       PID 1 ended
//! ```
//!
//! - *Flowing*: clients are listened to; nothing typed waits here.
//! - *Stuffed*: at most one read's worth of typed bytes waits; until the tty has
//!   taken it no client is listened to, and what they type waits in their sockets.
//! - *Ended*: nothing happens any more.
//!
//! Output is read in both, so that the VE never waits for a client.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::epoll::EventFlags;
use rustix::io::Errno;
use veld_protocol::console::Message;
use veld_sys::Failure;

use crate::answer;
use crate::clients::{Clients, Seat};
use crate::console::{Console, INPUT};
use crate::log::Log;
use crate::readiness::Readiness;
use crate::refusals::{Refusals, Source};
use crate::run_directory::RunDirectory;
use crate::scrollback::Scrollback;
use crate::start::{Descriptors, Successor};
use crate::traffic::Traffic;
use crate::watch::Watch;

/// Output read before everything else has its turn, in reads of [`OUTPUT`] bytes.
const READS_PER_TURN: usize = 4;
/// The most a tty gives at once.
const OUTPUT: usize = 4096;
/// Output read after the end; a pty holds less, so what ends this is only a
/// host process that writes to the console without end.
const DRAIN_READS: usize = 256;

/// See the drawing above.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Flowing,
    Stuffed,
    Ended,
}

/// What can happen. In one turn they come in this order: a seat that was left is
/// free before somebody new takes it, and PID 1's last words before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Event {
    /// The VE printed.
    Output,
    /// The tty takes input again.
    Room,
    /// Somebody spoke on the notice socket.
    Notice,
    /// A limit has refused something.
    Refused(Source),
    /// What was held back was held back long enough.
    Due,
    /// A client typed, resized or left.
    Said(Seat),
    /// A client left without a word, or its socket broke.
    HungUp(Seat),
    /// Clients want to attach.
    Knock,
    /// PID 1 has ended.
    InitEnded,
}

/// Everything that the loop acts on.
#[derive(Debug)]
pub(crate) struct Shim<'a> {
    directory: &'a RunDirectory,
    successor: &'a Successor,
    watch: Watch,
    init: OwnedFd,
    console: Console,
    scrollback: Scrollback,
    log: Log,
    clients: Clients,
    readiness: Readiness,
    refusals: Refusals,
    traffic: Traffic,
}

impl<'a> Shim<'a> {
    /// # Errors
    /// A descriptor is not of the kind that belongs at its number.
    pub(crate) fn new(
        directory: &'a RunDirectory,
        descriptors: Descriptors,
        successor: &'a Successor,
    ) -> Result<Self, Failure> {
        let console = Console::new(descriptors.console, descriptors.console_slave)?;
        let clients = Clients::new(descriptors.clients)?;
        let readiness = Readiness::new(descriptors.notices, descriptors.init.as_fd())?;
        let watch = Watch::new()?;
        watch.add(console.as_fd(), Event::Output, EventFlags::IN)?;
        watch.add(readiness.as_fd(), Event::Notice, EventFlags::IN)?;
        // By edge: somebody who cannot be let in now (no descriptor is free) does
        // not keep the loop awake.
        let by_edge = EventFlags::IN | EventFlags::ET;
        watch.add(clients.listener(), Event::Knock, by_edge)?;
        watch.add(descriptors.init.as_fd(), Event::InitEnded, EventFlags::IN)?;
        let refusals = Refusals::new(descriptors.watched);
        for (source, descriptor, by_urgency) in refusals.sources() {
            watch.add(descriptor, Event::Refused(source), once(by_urgency))?;
        }
        Ok(Self {
            directory,
            successor,
            watch,
            init: descriptors.init,
            console,
            scrollback: Scrollback::new(),
            log: Log::default(),
            clients,
            readiness,
            refusals,
            traffic: Traffic::new(),
        })
    }

    /// Serves until PID 1 has ended.
    ///
    /// # Errors
    /// Those of epoll_wait(2).
    pub(crate) fn run(&mut self) -> Result<(), Failure> {
        let mut state = State::Flowing;
        while state != State::Ended {
            let due_in = [
                self.readiness.due_in(),
                self.refusals.due_in(),
                self.traffic.due_in(),
            ];
            let events = self.watch.wait(due_in.into_iter().flatten().min())?;
            for event in events {
                state = self.step(state, event);
            }
        }
        Ok(())
    }

    /// The table.
    fn step(&mut self, state: State, event: Event) -> State {
        match (state, event) {
            (State::Flowing | State::Stuffed, Event::Output) => {
                self.pass_output_on(READS_PER_TURN);
                state
            }
            // The interest is gone; this was in the same turn as the last of it.
            (State::Flowing, Event::Room) => State::Flowing,
            (State::Stuffed, Event::Room) => self.type_leftover(),
            (State::Flowing | State::Stuffed, Event::Notice) => {
                self.readiness.take(self.directory);
                state
            }
            (State::Flowing | State::Stuffed, Event::Refused(source)) => {
                self.refusals.woken(source, self.directory);
                state
            }
            (State::Flowing | State::Stuffed, Event::Due) => {
                self.readiness.write_due(self.directory);
                self.look_at_due();
                self.traffic.look(self.directory, self.successor);
                state
            }
            (State::Flowing, Event::Said(seat)) => self.listen_to(seat),
            // It waits in the client's socket.
            (State::Stuffed, Event::Said(_)) => State::Stuffed,
            (State::Flowing | State::Stuffed, Event::HungUp(seat)) => {
                self.clients.dismiss(seat);
                state
            }
            (State::Flowing | State::Stuffed, Event::Knock) => {
                self.let_in(state);
                state
            }
            (State::Flowing | State::Stuffed, Event::InitEnded) => State::Ended,
            (
                State::Ended,
                Event::Output
                | Event::Room
                | Event::Notice
                | Event::Refused(_)
                | Event::Due
                | Event::Said(_)
                | Event::HungUp(_)
                | Event::Knock
                | Event::InitEnded,
            ) => State::Ended,
        }
    }

    /// pidfd of PID 1.
    pub(crate) fn init(&self) -> BorrowedFd<'_> {
        self.init.as_fd()
    }

    /// Whether PID 1 has said that it runs a command, and no init.
    pub(crate) fn runs_command(&self) -> bool {
        self.readiness.runs_command()
    }

    /// The last words: what PID 1 and its children left unread when they ended.
    pub(crate) fn drain(&mut self) {
        self.readiness.take(self.directory);
        self.pass_output_on(DRAIN_READS);
        self.readiness.write_all(self.directory);
        self.refusals.count_all(self.directory);
    }

    /// Counts what the VE's links have moved, for the last time.
    pub(crate) fn count_traffic(&mut self) {
        self.traffic.end(self.directory);
    }

    /// Counts anew what has been left alone for long enough, and waits for what has
    /// stopped growing.
    fn look_at_due(&mut self) {
        while let Some((source, is_calm)) = self.refusals.next_due(self.directory) {
            let mut sources = self.refusals.sources();
            if is_calm
                && let Some((_, descriptor, by_urgency)) =
                    sources.find(|(number, ..)| *number == source)
            {
                let event = Event::Refused(source);
                self.watch.change(descriptor, event, once(by_urgency));
            }
        }
    }

    fn pass_output_on(&mut self, reads: usize) {
        let mut buffer = [0; OUTPUT];
        for _ in 0..reads {
            match self.console.output(&mut buffer) {
                Ok(output) => {
                    self.log.append(self.directory, output);
                    self.scrollback.push(output);
                    self.clients.show(output);
                    self.answer(output);
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return,
                // With a slave open there is no such error. Should there be one,
                // the VE is better off with a mute console than without a shim.
                Err(_) => return self.watch.remove(self.console.as_fd()),
            }
        }
    }

    /// Answers what the VE asks its terminal, where no client's terminal will.
    fn answer(&self, output: &[u8]) {
        if self.console.has_leftover() || self.clients.seated().next().is_some() {
            return;
        }
        if let Some(answer) = answer::to(output, || self.console.size()) {
            self.console.answer(answer.as_bytes());
        }
    }

    fn listen_to(&mut self, seat: Seat) -> State {
        let mut buffer = [0; INPUT];
        let Some(client) = self.clients.at(seat) else {
            return State::Flowing;
        };
        let Some(mut said) = client.said(&mut buffer) else {
            self.clients.dismiss(seat);
            return State::Flowing;
        };
        loop {
            match client.decoder.next(&mut said) {
                Ok(Some(Message::Data(typed))) => self.console.type_in(typed),
                Ok(Some(Message::Resize(size))) => self.console.resize(size),
                Ok(None) => break,
                Err(_) => {
                    self.clients.dismiss(seat);
                    break;
                }
            }
        }
        self.settle()
    }

    fn type_leftover(&mut self) -> State {
        self.console.type_leftover();
        self.settle()
    }

    /// Listens to the clients, or for room in the tty: whichever is next.
    fn settle(&self) -> State {
        let stuffed = self.console.has_leftover();
        let (master, clients) = if stuffed {
            (EventFlags::IN | EventFlags::OUT, EventFlags::empty())
        } else {
            (EventFlags::IN, EventFlags::IN)
        };
        self.watch
            .change(self.console.as_fd(), Event::Output, master);
        for (seat, socket) in self.clients.seated() {
            self.watch.change(socket, Event::Said(seat), clients);
        }
        if stuffed {
            State::Stuffed
        } else {
            State::Flowing
        }
    }

    fn let_in(&mut self, state: State) {
        let interest = match state {
            State::Flowing => EventFlags::IN,
            State::Stuffed | State::Ended => EventFlags::empty(),
        };
        while let Some(accepted) = self.clients.accept(self.scrollback.parts()) {
            let Some(seat) = accepted else { continue };
            let watched = self
                .clients
                .at(seat)
                .map(|client| self.watch.add(client.as_fd(), Event::Said(seat), interest));
            // Somebody who cannot be watched would hold the seat for ever.
            if let Some(Err(_)) = watched {
                self.clients.dismiss(seat);
            }
        }
    }
}

/// What a source of refusals is waited for, until it is waited for anew. A file of
/// the kernel's is always readable, and says by urgent data that it has changed.
fn once(by_urgency: bool) -> EventFlags {
    let ready = if by_urgency {
        EventFlags::PRI
    } else {
        EventFlags::IN
    };
    ready | EventFlags::ONESHOT
}
