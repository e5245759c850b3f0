//! Killing what is left of a VE, whatever keeps it from going.

use std::os::fd::AsFd;
use std::time::Duration;

use veld_namespaces::IDS;
use veld_protocol::ending::Ending;
use veld_state::{Process, Running, ended, parents_of_zombies};
use veld_sys::Failure;
use veld_sys::process::send_signal;

use crate::error::{Error, ErrorKind, Source, chain};
use crate::ve::Ve;

/// SIGKILL takes effect when the kernel gets to it; only a process stuck in the
/// kernel takes longer.
const DYING: Duration = Duration::from_secs(10);

/// How long a killed PID 1 usually takes, and some more.
const SOON: Duration = Duration::from_millis(500);

const KILL: u8 = 9;
const CONTINUE: i32 = 18;

/// Kills PID 1, if it has not ended, and all other processes; how it ended, as
/// far as that can be known here.
pub(super) fn kill_rest(
    ve: &Ve<'_>,
    running: &Running,
    group: &veld_cgroups::Group,
) -> Result<Ending, Error> {
    let failed = |source: Source| Error::action(&ve.name, "stop", source);
    let init = running.init.as_fd();
    if ended(init, Duration::ZERO).map_err(|failure| failed(failure.into()))? {
        return Ok(Ending::Unseen);
    }
    ve.step("kill");
    // By group, for processes that joined; and by itself, for its namespace.
    let _ = send_signal(init, i32::from(KILL));
    group.kill().map_err(|error| failed(error.into()))?;
    if ended(init, SOON).map_err(|failure| failed(failure.into()))? {
        return Ok(Ending::Killed(KILL));
    }
    let waiting = wake_parents(ve);
    let aborted = abort_fuse(ve);
    if ended(init, DYING).map_err(|failure| failed(failure.into()))? {
        return Ok(Ending::Killed(KILL));
    }
    let left = group.processes().unwrap_or_default();
    let words = |pids: &[i32]| {
        let words: Vec<String> = pids.iter().map(ToString::to_string).collect();
        if words.is_empty() {
            "none".to_owned()
        } else {
            words.join(", ")
        }
    };
    let fact = format!(
        "cannot stop: killed {} s ago, but PID 1 is still there; processes left: {}; \
         not waited for by: {}",
        DYING.as_secs(),
        words(&left),
        words(&waiting)
    );
    let also = aborted.err().map(|error| chain(&error));
    Err(Error::fact(ErrorKind::TimedOut, &ve.name, fact).and_also(also))
}

/// Ends the wait of processes for FUSE servers of the VE, which are dead or wait
/// themselves: until then not even a killed one goes.
pub(crate) fn abort_fuse(ve: &Ve<'_>) -> Result<usize, Source> {
    ve.step("abort FUSE connections");
    let first = ve.ids()?.first();
    Ok(veld_rootfs::abort_fuse(first..first.saturating_add(IDS))?)
}

/// PID 1 cannot end before a process that joined the VE has been waited for by
/// its parent, `veld exec`, which somebody may have stopped. Such parents go on
/// again, and are returned.
fn wake_parents(ve: &Ve<'_>) -> Vec<i32> {
    let ids = ve
        .ids()
        .map(|ids| ids.first()..ids.first().saturating_add(IDS));
    let parents = ids.map(parents_of_zombies).unwrap_or_default();
    for parent in &parents {
        if let Some(pidfd) = Process::of(*parent).ok().and_then(Process::open) {
            let _ = send_signal(pidfd.as_fd(), CONTINUE);
        }
    }
    parents
}

/// The shim ends by itself once it has written down how PID 1 did; one that
/// does not is of no use any more.
pub(super) fn wait_for_shim(running: &Running) -> Result<(), Failure> {
    let Some(shim) = &running.shim else {
        return Ok(());
    };
    if !ended(shim.as_fd(), Duration::from_secs(5))? {
        let _ = send_signal(shim.as_fd(), i32::from(KILL));
        ended(shim.as_fd(), DYING)?;
    }
    Ok(())
}
