//! The epoll descriptor: which descriptor stands for which event.

use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::io::Errno;
use rustix::time::Timespec;
use veld_protocol::console::MAX_CLIENTS;
use veld_protocol::shim::MOST_WATCHED;
use veld_sys::{Context, Failure};

use crate::event_loop::Event;

/// Every descriptor can be ready at once: the clients, console, notices,
/// listener, PID 1 and what tells of refusals.
const READY: usize = MAX_CLIENTS + 4 + MOST_WATCHED;
/// The console may be ready both ways, and something may be due.
const EVENTS: usize = READY + 2;

/// Numbers that stand for descriptors; sources of refusals count on from the first
/// of theirs, and seats from the last.
const CONSOLE: u64 = 0;
const NOTICES: u64 = 1;
const LISTENER: u64 = 2;
const INIT: u64 = 3;
const SOURCES: u64 = 4;
const SEATS: u64 = SOURCES + MOST_WATCHED as u64;

/// What is waited for.
#[derive(Debug)]
pub(crate) struct Watch {
    epoll: OwnedFd,
}

/// What happened in one turn, in order.
#[derive(Debug)]
pub(crate) struct Turn {
    events: [Option<Event>; EVENTS],
}

impl Watch {
    /// # Errors
    /// Those of epoll_create1(2).
    pub(crate) fn new() -> Result<Self, Failure> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).context(|| "create epoll")?;
        Ok(Self { epoll })
    }

    /// Begins to wait for a descriptor; `event` is any that it can give.
    ///
    /// # Errors
    /// Those of epoll_ctl(2).
    pub(crate) fn add(
        &self,
        descriptor: BorrowedFd<'_>,
        event: Event,
        interest: EventFlags,
    ) -> Result<(), Failure> {
        epoll::add(&self.epoll, descriptor, data(event), interest)
            .context(|| format!("wait for {event:?}"))
    }

    /// Waits for something else on a descriptor that was added.
    pub(crate) fn change(&self, descriptor: BorrowedFd<'_>, event: Event, interest: EventFlags) {
        // Nothing is allocated for it, so there is nothing that could fail.
        let _ = epoll::modify(&self.epoll, descriptor, data(event), interest);
    }

    /// Does not wait for a descriptor any more.
    pub(crate) fn remove(&self, descriptor: BorrowedFd<'_>) {
        let _ = epoll::delete(&self.epoll, descriptor);
    }

    /// Sleeps until something happens; at most `patience`, after which something
    /// is due.
    ///
    /// # Errors
    /// Those of epoll_wait(2).
    pub(crate) fn wait(&self, patience: Option<Duration>) -> Result<Turn, Failure> {
        let mut ready = [const { MaybeUninit::uninit() }; READY];
        let timeout = patience.and_then(|patience| Timespec::try_from(patience).ok());
        let ready = match epoll::wait(&self.epoll, &mut ready, timeout.as_ref()) {
            Ok((ready, _)) => ready,
            Err(Errno::INTR) => &mut [],
            Err(cause) => return Err(Failure::new("wait for events", cause)),
        };
        let mut turn = Turn {
            events: [None; EVENTS],
        };
        // Other events must not put it off for ever, so one that is due
        // before the wait counts as well.
        if patience.is_some_and(|patience| patience.is_zero() || ready.is_empty()) {
            turn.push(Event::Due);
        }
        for one in ready {
            turn.understand(one.data.u64(), one.flags);
        }
        // Absent ones sort first and are passed over.
        turn.events.sort_unstable();
        Ok(turn)
    }
}

impl Turn {
    fn understand(&mut self, number: u64, flags: EventFlags) {
        match number {
            CONSOLE => {
                if flags.contains(EventFlags::OUT) {
                    self.push(Event::Room);
                }
                // An error is found by reading.
                if flags.intersects(!EventFlags::OUT) {
                    self.push(Event::Output);
                }
            }
            NOTICES => self.push(Event::Notice),
            LISTENER => self.push(Event::Knock),
            INIT => self.push(Event::InitEnded),
            source if source < SEATS => {
                if let Ok(source) = usize::try_from(source - SOURCES) {
                    self.push(Event::Refused(source));
                }
            }
            seat => {
                let Ok(seat) = usize::try_from(seat - SEATS) else {
                    return;
                };
                // What a client said before it left is heard first.
                if flags.contains(EventFlags::IN) {
                    self.push(Event::Said(seat));
                } else {
                    self.push(Event::HungUp(seat));
                }
            }
        }
    }

    fn push(&mut self, event: Event) {
        if let Some(free) = self.events.iter_mut().find(|slot| slot.is_none()) {
            *free = Some(event);
        }
    }
}

impl IntoIterator for Turn {
    type Item = Event;
    type IntoIter = std::iter::Flatten<std::array::IntoIter<Option<Event>, EVENTS>>;

    fn into_iter(self) -> Self::IntoIter {
        self.events.into_iter().flatten()
    }
}

fn data(event: Event) -> EventData {
    let from =
        |first: u64, number: usize| first.saturating_add(u64::try_from(number).unwrap_or(u64::MAX));
    EventData::new_u64(match event {
        Event::Output | Event::Room => CONSOLE,
        Event::Notice | Event::Due => NOTICES,
        Event::Knock => LISTENER,
        Event::InitEnded => INIT,
        Event::Refused(source) => from(SOURCES, source),
        Event::Said(seat) | Event::HungUp(seat) => from(SEATS, seat),
    })
}
