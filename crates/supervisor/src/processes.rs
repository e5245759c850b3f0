//! The processes of a running VE, as the host sees them.

use std::time::Instant;

use veld_namespaces::IDS;
use veld_state::{Activity, activity, glance};

use crate::error::{Error, ErrorKind};
use crate::ve::Ve;

/// A process of a VE at one moment.
#[derive(Debug, Clone)]
pub struct Member {
    /// What it does.
    pub activity: Activity,
    /// Its user in the VE; none where it is not one of the VE's.
    pub user_inside: Option<u32>,
    /// When this was read.
    pub clock: Instant,
}

/// All processes of a VE that runs, also those in pid namespaces of its own.
///
/// # Errors
/// [`ErrorKind::NotRunning`]; the group cannot be read.
pub fn processes(ve: &Ve<'_>) -> Result<Vec<Member>, Error> {
    if glance(&ve.run).is_none() {
        let fact = "is not running";
        return Err(Error::fact(ErrorKind::NotRunning, &ve.name, fact));
    }
    let first = ve.ids().ok().map(veld_namespaces::IdRange::first);
    let group = ve.group();
    let pids = group.and_then(|group| group.processes());
    let pids = pids.map_err(|error| Error::action(&ve.name, "list processes", error))?;
    let members = pids.into_iter().filter_map(|pid| {
        let activity = activity(pid)?;
        let user = first.and_then(|first| activity.user.checked_sub(first));
        Some(Member {
            user_inside: user.filter(|user| *user < IDS),
            clock: Instant::now(),
            activity,
        })
    });
    Ok(members.collect())
}

impl Member {
    /// CPU time between two looks at one process, in per cent of one processor.
    #[must_use]
    pub fn cpu_percent_since(&self, earlier: &Self) -> Option<f64> {
        let (now, then) = (&self.activity, &earlier.activity);
        let time = self.clock.saturating_duration_since(earlier.clock);
        if (now.pid, now.born) != (then.pid, then.born) || time.is_zero() {
            return None;
        }
        let usec = crate::stats::per_second(Some(then.cpu_usec), Some(now.cpu_usec), time);
        usec.map(|usec| usec / 1e4)
    }
}
