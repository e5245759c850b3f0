//! How long each part of a stop may take, and what is said when it took longer.

use std::time::Duration;

use super::table::State;

/// How long all shutdown jobs together may take. With what follows it stays
/// below the minute that a host usually gives.
pub(super) const SHUTDOWN_JOBS: Duration = Duration::from_secs(45);
/// How long processes have between SIGTERM and SIGKILL.
pub(super) const TERMINATE: Duration = Duration::from_secs(5);
/// How long killed processes are waited for.
pub(super) const KILL: Duration = Duration::from_secs(2);
/// How often it is asked whether somebody is left: processes that were put
/// into the VE from outside are not children of PID 1 and end without a SIGCHLD.
pub(super) const TICK: Duration = Duration::from_millis(100);

/// How often it is asked at first whether a main job has brought its services up.
pub(super) const LOOK: Duration = Duration::from_millis(20);
/// After this long they are taken for up: it cannot be seen of them.
pub(super) const SURELY_UP: Duration = Duration::from_secs(60);

/// What is said when a state's deadline passes.
pub(super) fn late(state: State) -> String {
    match state {
        State::Boot | State::Leave | State::Enter | State::Run => "services did not end".to_owned(),
        State::Shutdown => format!(
            "shutdown actions did not end within {} s: ending all processes",
            SHUTDOWN_JOBS.as_secs()
        ),
        State::Terminate => format!(
            "processes did not end within {} s of SIGTERM: killing them",
            TERMINATE.as_secs()
        ),
        State::Kill => format!(
            "processes did not end within {} s of SIGKILL",
            KILL.as_secs()
        ),
    }
}
