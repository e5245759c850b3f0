//! Taking away what a VE's last run left. Everything follows from its name.

use std::time::{Duration, Instant};

use veld_cgroups::{ErrorKind as CgroupErrorKind, Group};

use crate::error::{Error, ErrorKind, Source};
use crate::look;
use crate::net;
use crate::stop::abort_fuse;
use crate::ve::Ve;
use crate::waiter::end_wait;

/// What to do with processes of a run that has no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Left {
    /// They are killed.
    Kill,
    /// They are left, and the action is refused: they may be somebody's work.
    Refuse,
}

/// How long processes whose PID 1 is dead may take to die by themselves.
const DYING: Duration = Duration::from_secs(2);
/// How long the kernel may take to let go of a group.
const REMOVAL: Duration = Duration::from_secs(10);

/// Sweeps a VE whose lock is held and whose PID 1, as far as is known, is dead.
pub(crate) fn sweep(ve: &Ve<'_>, left: Left) -> Result<(), Error> {
    let failed = |source: Source| Error::action(&ve.name, "sweep", source);
    // What is mounted is not to be removed with, nor used twice.
    ve.step("end look");
    look::end(ve).map_err(failed)?;
    let group = ve.group().map_err(|error| failed(error.into()))?;
    if group.exists() {
        // With a stage left, what runs is what a launcher that died began.
        if left == Left::Refuse && !ve.run.stage().exists() && outlives(&group, DYING) {
            let fact = "runs without a record; stop it first";
            return Err(Error::fact(ErrorKind::AlreadyRunning, &ve.name, fact));
        }
        ve.step("kill and remove cgroup");
        end(ve, &group).map_err(failed)?;
    } else {
        // Of a removal that was ended in its last step.
        group
            .remove_parents()
            .map_err(|failure| failed(failure.into()))?;
    }
    end_wait(ve).map_err(failed)?;
    ve.step("take away what is left of the network");
    net::disconnect(ve).map_err(failed)?;
    // Of a set that was killed, and nobody has put right.
    if matches!(ve.run.setting(), Ok(Some(_))) {
        net::addresses::settle_claims(ve).map_err(failed)?;
    }
    ve.step("clear run directory");
    ve.run.clear().map_err(|failure| failed(failure.into()))
}

/// Whether the group has processes until `patience` has passed.
fn outlives(group: &Group, patience: Duration) -> bool {
    let deadline = Instant::now() + patience;
    while group.populated().unwrap_or(false) {
        if Instant::now() > deadline {
            return true;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    false
}

fn end(ve: &Ve<'_>, group: &Group) -> Result<(), Source> {
    let gone = |error: &veld_cgroups::Error| error.kind() == CgroupErrorKind::NotFound;
    match group.kill() {
        Err(error) if !gone(&error) => return Err(error.into()),
        _ => {}
    }
    match group.remove(DYING) {
        Err(error) if error.kind() == CgroupErrorKind::Busy => {}
        done => return Ok(done?),
    }
    // Where that fails, the error of the group says what is left.
    let _ = abort_fuse(ve);
    Ok(group.remove(REMOVAL)?)
}
