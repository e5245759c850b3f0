//! The life of a supervised VE as one table: state × event → action.
//!
//! ```text
//!   Boot ──boot jobs done──► Run
//!     │                       │
//!     └──stop / restart───────┴─► Shutdown ──shutdown jobs done, or late──► Terminate
//!                                                                              │
//!                            finish ◄──nobody left, or late── Kill ◄──late─────┤
//!                               ▲                                              │
//!                               └──────────────────nobody left─────────────────┘
//! ```
//!
//! A VE never leaves `Shutdown` backwards. A stop that comes while a weaker one
//! is under way makes that one stronger, so that a host that wants a VE gone
//! does not see it come back from a reboot.

/// What the VE is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// The boot jobs run, one after the other.
    Boot,
    /// Services are up.
    Run,
    /// The shutdown jobs run, one after the other.
    Shutdown,
    /// Every process was asked to end.
    Terminate,
    /// Every process that was left was killed.
    Kill,
}

/// What follows once all is stopped, the weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum End {
    /// The init starts over, or another takes its place.
    Restart,
    /// The host starts the VE again.
    Reboot,
    /// The VE is stopped; distributions mean by it that the power stays on.
    Halt,
    /// The VE is stopped.
    PowerOff,
}

/// What may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// Somebody, inside or on the host, asks for an end.
    Stop(End),
    /// Somebody asks to read the files again.
    Reload,
    /// The signal of Ctrl-Alt-Del.
    CtrlAltDel,
    /// The job that was awaited has ended, or none could be started.
    JobEnded,
    /// No job of this state is left to run.
    QueueEmpty,
    /// No process but PID 1 is left.
    NobodyLeft,
    /// This state has lasted as long as it may.
    Deadline,
}

/// What is done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Nothing: it is not the time for that.
    Ignore,
    /// Start the next job of the queue.
    NextJob,
    /// Start the services and report ready.
    Serve,
    /// Read the files again.
    Reload,
    /// Run what Ctrl-Alt-Del asks for.
    CtrlAltDel,
    /// Report stopping; queue the shutdown jobs.
    BeginShutdown(End),
    /// Keep the stronger of two ends.
    Strengthen(End),
    /// Send SIGTERM to all.
    Terminate,
    /// Send SIGKILL to all.
    Kill,
    /// All is done: leave by the end that was asked for.
    Finish,
}

/// The table.
pub(crate) fn decide(state: State, event: Event) -> (State, Action) {
    use Event::{CtrlAltDel, Deadline, JobEnded, NobodyLeft, QueueEmpty, Reload, Stop};
    use State::{Boot, Kill, Run, Shutdown, Terminate};
    match (state, event) {
        (Boot | Run, Stop(end)) => (Shutdown, Action::BeginShutdown(end)),
        (Shutdown | Terminate | Kill, Stop(end)) => (state, Action::Strengthen(end)),

        (Boot | Run, Reload) => (state, Action::Reload),
        (Boot | Run, CtrlAltDel) => (state, Action::CtrlAltDel),
        (Shutdown | Terminate | Kill, Reload | CtrlAltDel) => (state, Action::Ignore),

        (Boot | Shutdown, JobEnded) => (state, Action::NextJob),
        (Run | Terminate | Kill, JobEnded) => (state, Action::Ignore),

        (Boot, QueueEmpty) => (Run, Action::Serve),
        (Shutdown, QueueEmpty | Deadline) => (Terminate, Action::Terminate),
        (Run | Terminate | Kill, QueueEmpty) => (state, Action::Ignore),

        (Terminate | Kill, NobodyLeft) | (Kill, Deadline) => (state, Action::Finish),
        (Terminate, Deadline) => (Kill, Action::Kill),

        // Boot and Run last as long as they last, and an empty VE is one too.
        (Boot | Run, Deadline) | (Boot | Run | Shutdown, NobodyLeft) => (state, Action::Ignore),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATES: [State; 5] = [
        State::Boot,
        State::Run,
        State::Shutdown,
        State::Terminate,
        State::Kill,
    ];

    const EVENTS: [Event; 7] = [
        Event::Stop(End::PowerOff),
        Event::Reload,
        Event::CtrlAltDel,
        Event::JobEnded,
        Event::QueueEmpty,
        Event::NobodyLeft,
        Event::Deadline,
    ];

    #[test]
    fn a_stop_goes_forward_only() {
        let rank = |state| STATES.iter().position(|&other| other == state);
        for state in STATES {
            for event in EVENTS {
                let (next, _) = decide(state, event);
                assert!(rank(next) >= rank(state), "{state:?} {event:?} -> {next:?}");
            }
        }
    }

    #[test]
    fn deadlines_alone_end_a_stop() {
        let (mut state, mut action) = decide(State::Run, Event::Stop(End::Reboot));
        assert_eq!(action, Action::BeginShutdown(End::Reboot));
        let mut seen = Vec::new();
        while action != Action::Finish {
            (state, action) = decide(state, Event::Deadline);
            seen.push(action);
        }
        assert_eq!(seen, [Action::Terminate, Action::Kill, Action::Finish]);
    }

    #[test]
    fn the_regular_way_down_waits_for_nothing() {
        assert_eq!(
            decide(State::Shutdown, Event::QueueEmpty),
            (State::Terminate, Action::Terminate)
        );
        assert_eq!(
            decide(State::Terminate, Event::NobodyLeft),
            (State::Terminate, Action::Finish)
        );
    }

    #[test]
    fn a_vacant_ve_stays_up() {
        for event in [Event::NobodyLeft, Event::Deadline, Event::QueueEmpty] {
            assert_eq!(decide(State::Run, event), (State::Run, Action::Ignore));
        }
    }

    #[test]
    fn power_off_outweighs_a_reboot_under_way() {
        assert!(End::PowerOff > End::Halt && End::Halt > End::Reboot && End::Reboot > End::Restart);
        assert_eq!(
            decide(State::Terminate, Event::Stop(End::PowerOff)),
            (State::Terminate, Action::Strengthen(End::PowerOff))
        );
    }
}
