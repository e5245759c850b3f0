//! The life of a supervised VE as one table: state × event → action.
//!
//! ```text
//!   Boot ──boot jobs done──► Enter ──awaited jobs done──► Run
//!     │                      │   ▲                        │
//!     │     all of the level │   │ another run level      │
//!     │      before ended,   │   └──────── Leave ◄────────┤
//!     │          or late     │                            │
//!     └──stop / restart──────┴────────────────────────────┴─► Shutdown ──shutdown jobs
//!                                                                 │       done, or late
//!        finish ◄──nobody left, or late── Kill ◄──late── Terminate ◄──────┘
//!           ▲                                               │
//!           └──────────────────nobody left──────────────────┘
//! ```
//!
//! A VE never leaves `Shutdown` backwards. A stop that comes while a weaker one
//! is under way makes that one stronger, so that a host that wants a VE gone
//! does not see it come back from a reboot.

use crate::level::Level;
use crate::plan::Power;

/// What the VE is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// The boot jobs run, one after the other.
    Boot,
    /// Services that the next run level does not have were asked to end.
    Leave,
    /// The jobs that begin a run level run, one after the other.
    Enter,
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
    /// PID 1 ends with the status of the main job.
    Exit,
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
    /// Somebody asks for a run level to live in.
    Level(Level),
    /// Somebody asks to read the files again.
    Reload,
    /// The signal of Ctrl-Alt-Del.
    CtrlAltDel,
    /// Word about the power.
    Power(Power),
    /// Somebody asks an init without run levels for one user alone.
    Single,
    /// The job that was awaited has ended, or none could be started.
    JobEnded,
    /// No job of this state is left to run.
    QueueEmpty,
    /// All that were asked to end for a run level, or before the last jobs, have.
    LevelLeft,
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
    /// Let this be the run level that follows the boot.
    Choose(Level),
    /// Ask what this run level does not have to end.
    LeaveFor(Level),
    /// Queue what begins the run level.
    EnterLevel,
    /// Start what this level of its own adds.
    Add(Level),
    /// Start the services and report ready.
    Serve,
    /// Read the files again.
    Reload,
    /// Run what Ctrl-Alt-Del asks for.
    CtrlAltDel,
    /// Run what word about the power asks for.
    Power(Power),
    /// Run what leaves one user alone.
    Single,
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
    use Event as E;
    use State::{Boot, Enter, Kill, Leave, Run, Shutdown, Terminate};
    match (state, event) {
        (Boot | Leave | Enter | Run, E::Stop(end)) => (Shutdown, Action::BeginShutdown(end)),
        (Shutdown | Terminate | Kill, E::Stop(end)) => (state, Action::Strengthen(end)),

        (Run, E::Level(level)) if level.is_on_demand() => (Run, Action::Add(level)),
        (Boot | Leave | Enter, E::Level(level)) if level.is_on_demand() => (state, Action::Ignore),
        (Boot, E::Level(level)) => (Boot, Action::Choose(level)),
        (Leave | Enter | Run, E::Level(level)) => (Leave, Action::LeaveFor(level)),

        (Boot | Leave | Enter | Run, E::Reload) => (state, Action::Reload),
        (Boot | Leave | Enter | Run, E::CtrlAltDel) => (state, Action::CtrlAltDel),
        (Boot | Leave | Enter | Run, E::Power(power)) => (state, Action::Power(power)),
        (Boot | Leave | Enter | Run, E::Single) => (state, Action::Single),
        (
            Shutdown | Terminate | Kill,
            E::Level(_) | E::Reload | E::CtrlAltDel | E::Power(_) | E::Single,
        ) => (state, Action::Ignore),

        (Boot | Enter | Shutdown, E::JobEnded) | (Shutdown, E::LevelLeft) => {
            (state, Action::NextJob)
        }
        (Leave | Run | Terminate | Kill, E::JobEnded) => (state, Action::Ignore),

        (Boot, E::QueueEmpty) | (Leave, E::LevelLeft) => (Enter, Action::EnterLevel),
        (Enter, E::QueueEmpty) => (Run, Action::Serve),
        (Shutdown, E::QueueEmpty | E::Deadline) => (Terminate, Action::Terminate),
        (Leave | Run | Terminate | Kill, E::QueueEmpty) => (state, Action::Ignore),

        (Terminate | Kill, E::NobodyLeft) | (Kill, E::Deadline) => (state, Action::Finish),
        (Terminate, E::Deadline) => (Kill, Action::Kill),

        // These last as long as they last, those who leave are killed each in its
        // time, and an empty VE is one too.
        (Boot | Leave | Enter | Run, E::Deadline | E::NobodyLeft)
        | (Shutdown, E::NobodyLeft)
        | (Boot | Enter | Run | Terminate | Kill, E::LevelLeft) => (state, Action::Ignore),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATES: [State; 7] = [
        State::Boot,
        State::Leave,
        State::Enter,
        State::Run,
        State::Shutdown,
        State::Terminate,
        State::Kill,
    ];

    const EVENTS: [Event; 11] = [
        Event::Stop(End::PowerOff),
        Event::Level(Level::USUAL),
        Event::Reload,
        Event::CtrlAltDel,
        Event::Power(Power::Fails),
        Event::Single,
        Event::JobEnded,
        Event::QueueEmpty,
        Event::LevelLeft,
        Event::NobodyLeft,
        Event::Deadline,
    ];

    #[test]
    fn a_stop_goes_forward_only() {
        let rank = |state| STATES.iter().position(|&other| other == state);
        for state in STATES {
            for event in EVENTS {
                let (next, _) = decide(state, event);
                let changes_level = matches!(state, State::Leave | State::Enter | State::Run)
                    && event == Event::Level(Level::USUAL);
                assert!(
                    rank(next) >= rank(state) || changes_level,
                    "{state:?} {event:?} -> {next:?}"
                );
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
    fn another_level_is_left_for_before_it_is_entered() {
        let level = Level::from_byte(b'3').unwrap();
        let (state, action) = decide(State::Run, Event::Level(level));
        assert_eq!((state, action), (State::Leave, Action::LeaveFor(level)));
        assert_eq!(
            decide(state, Event::LevelLeft),
            (State::Enter, Action::EnterLevel)
        );
        // Before there is any it is the first; one on demand changes nothing.
        assert_eq!(decide(State::Boot, Event::Level(level)).0, State::Boot);
        let demand = Level::from_byte(b'a').unwrap();
        assert_eq!(
            decide(State::Run, Event::Level(demand)),
            (State::Run, Action::Add(demand))
        );
    }

    #[test]
    fn power_off_outweighs_a_reboot_under_way() {
        let ends = [
            End::Restart,
            End::Reboot,
            End::Exit,
            End::Halt,
            End::PowerOff,
        ];
        assert!(ends.is_sorted());
        assert_eq!(
            decide(State::Terminate, Event::Stop(End::PowerOff)),
            (State::Terminate, Action::Strengthen(End::PowerOff))
        );
    }
}
