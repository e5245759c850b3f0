//! Pausing a VE, and letting it run on.
//!
//! ```text
//!            pause: the word, then the freezer
//! running ─────────────────────────────────────> paused
//!    ^      not all stand still: thawed again       │
//!    └───────────────────── resume ─────────────────┘
//! ```
//!
//! The word in the run directory says since when; whether it is so the kernel says.
//! A pause that was killed half-way leaves a VE that is shown as paused, of which some
//! processes may still run: `resume` undoes that, and another `pause` completes it.

use std::time::Duration;

use veld_cgroups::{Freezing, Group};
use veld_protocol::event::What;
use veld_state::{Observed, Task, tasks};

use crate::error::{Error, ErrorKind, Source, chain};
use crate::outcome::Done;
use crate::ve::Ve;

/// How long the kernel may take to let all processes run again.
const THAWING: Duration = Duration::from_secs(2);
/// How long after that it is looked who still waits: those that were only frozen
/// where they slept are awake by then.
const AWAKE: Duration = Duration::from_millis(50);
/// How many processes that do not freeze are named.
const NAMED: usize = 4;

/// Where a parent waits for the child of its vfork(2) it counts as frozen, and goes on
/// waiting once it is thawed.
const IN_VFORK: [&str; 2] = ["kernel_clone", "wait_for_vfork_done"];

/// Freezes all processes of a VE, for which they have `patience`. Where some do not
/// stand still by then all go on again.
///
/// # Errors
/// [`ErrorKind::NotFound`], [`ErrorKind::NotRunning`], [`ErrorKind::Paused`] where it
/// is so already; [`ErrorKind::TimedOut`] with those that did not freeze.
pub fn pause(ve: &Ve<'_>, patience: Duration) -> Result<Done, Error> {
    let failed = |source: Source| Error::action(&ve.name, "pause", source);
    let (_lock, group) = locked(ve, "pause")?;
    if ve.run.paused().is_some() && group.freezing() == Freezing::Frozen {
        return Err(Error::fact(
            ErrorKind::Paused,
            &ve.name,
            "is already paused",
        ));
    }
    ve.run.say_paused().map_err(|error| failed(error.into()))?;
    ve.step("freeze");
    let error = match group.freeze(patience) {
        Ok(Freezing::Frozen) => {
            ve.run.tell(What::Paused);
            return Ok(Done::new("paused"));
        }
        Ok(Freezing::OnTheWay | Freezing::No) => {
            let still = all_tasks(&group);
            let also = let_go(ve, &group);
            std::thread::sleep(AWAKE);
            let stuck = stuck(still, &all_tasks(&group));
            Error::fact(ErrorKind::TimedOut, &ve.name, late(patience, &stuck)).and_also(also)
        }
        Err(error) => failed(error.into()).and_also(let_go(ve, &group)),
    };
    Err(error)
}

/// Lets a paused VE run on, or one that somebody froze as a whole.
///
/// # Errors
/// [`ErrorKind::NotFound`], [`ErrorKind::NotRunning`], [`ErrorKind::NotPaused`];
/// [`ErrorKind::TimedOut`] where it stays frozen by a group above it.
pub fn resume(ve: &Ve<'_>) -> Result<Done, Error> {
    let failed = |source: Source| Error::action(&ve.name, "resume", source);
    let (_lock, group) = locked(ve, "resume")?;
    if !group.is_frozen() {
        return Err(Error::fact(ErrorKind::NotPaused, &ve.name, "is not paused"));
    }
    ve.step("thaw");
    group.unfreeze().map_err(|error| failed(error.into()))?;
    if !group.thaws(THAWING) {
        let fact = "cannot resume: a group above it is frozen";
        return Err(Error::fact(ErrorKind::TimedOut, &ve.name, fact));
    }
    ve.run
        .unsay_paused()
        .map_err(|error| failed(error.into()))?;
    ve.run.tell(What::Resumed);
    Ok(Done::new("resumed"))
}

/// Refuses to go into a VE in which nothing would happen.
pub(crate) fn must_not_be_frozen(ve: &Ve<'_>, group: &Group) -> Result<(), Error> {
    if !group.is_frozen() {
        return Ok(());
    }
    let fact = if ve.run.paused().is_some() {
        "is paused"
    } else {
        "is frozen"
    };
    Err(Error::fact(ErrorKind::Paused, &ve.name, fact))
}

/// The lock and the group of a VE that runs.
fn locked(ve: &Ve<'_>, verb: &'static str) -> Result<(veld_durable::Lock, Group), Error> {
    let lock = ve.must_exist(ve.lock(verb)?)?;
    let Observed::Running(_) = ve.observe() else {
        return Err(Error::fact(
            ErrorKind::NotRunning,
            &ve.name,
            "is not running",
        ));
    };
    let group = ve.group();
    let group = group.map_err(|error| Error::action(&ve.name, verb, error))?;
    Ok((lock, group))
}

/// Undoes a pause; what of that failed.
fn let_go(ve: &Ve<'_>, group: &Group) -> Vec<String> {
    let thawed = group.unfreeze().err().map(|error| chain(&error));
    let unsaid = ve.run.unsay_paused().err().map(|error| chain(&error));
    thawed.into_iter().chain(unsaid).collect()
}

fn all_tasks(group: &Group) -> Vec<Task> {
    tasks(&group.processes().unwrap_or_default())
}

/// Those that kept a group from being frozen: they ran when the time was over, or
/// waited for something that they still wait for now that nobody is frozen.
fn stuck(then: Vec<Task>, now: &[Task]) -> Vec<Task> {
    let in_vfork = |task: &Task| {
        let symbol = task.waits_in.as_deref().unwrap_or_default();
        IN_VFORK.contains(&symbol)
    };
    then.into_iter()
        .filter(|task| match task.state {
            'R' => true,
            'D' => !in_vfork(task) && now.contains(task),
            _ => false,
        })
        .collect()
}

/// The fact that some did not freeze in time.
fn late(patience: Duration, stuck: &[Task]) -> String {
    let seconds = patience.as_secs_f64();
    let cannot = format!("cannot pause: not all processes froze within {seconds} s");
    if stuck.is_empty() {
        return cannot;
    }
    let named: Vec<String> = stuck.iter().take(NAMED).map(named).collect();
    let more = match stuck.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    format!("{cannot}: {}{more}", named.join(", "))
}

/// `4711 (cp) waits in folio_wait_bit, state D`.
fn named(task: &Task) -> String {
    let thread = if task.tid == task.pid {
        String::new()
    } else {
        format!(" thread {}", task.tid)
    };
    let does = match (&task.waits_in, task.state) {
        (_, 'R') => "runs in the kernel".to_owned(),
        (Some(symbol), _) => format!("waits in {symbol}"),
        (None, _) => "waits".to_owned(),
    };
    let Task {
        pid, name, state, ..
    } = task;
    format!("{pid} ({name}){thread} {does}, state {state}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(tid: i32, state: char, waits_in: Option<&str>) -> Task {
        Task {
            pid: 7,
            tid,
            name: "cp".to_owned(),
            state,
            waits_in: waits_in.map(str::to_owned),
        }
    }

    #[test]
    fn who_slept_when_frozen_is_not_to_blame() {
        let then = vec![
            task(7, 'D', Some("hrtimer_nanosleep")),
            task(8, 'D', Some("folio_wait_bit")),
            task(9, 'D', Some("kernel_clone")),
            task(10, 'S', Some("get_signal")),
            task(11, 'R', None),
        ];
        let mut now = then.clone();
        now[0].state = 'S';
        let stuck = stuck(then, &now);
        assert_eq!(
            late(Duration::from_secs(10), &stuck),
            "cannot pause: not all processes froze within 10 s: \
             7 (cp) thread 8 waits in folio_wait_bit, state D, \
             7 (cp) thread 11 runs in the kernel, state R"
        );
    }

    #[test]
    fn a_crowd_is_counted() {
        let crowd = [const { 7 }; 6].map(|tid| task(tid, 'D', None));
        let text = late(Duration::from_millis(1500), &crowd);
        assert!(text.starts_with(
            "cannot pause: not all processes froze within 1.5 s: 7 (cp) waits, state D, "
        ));
        assert!(text.ends_with(", and 2 more"), "{text}");
        let nobody = late(Duration::ZERO, &[]);
        assert_eq!(nobody, "cannot pause: not all processes froze within 0 s");
    }
}
