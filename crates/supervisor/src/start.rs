//! Starting a VE: the command's side.

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use veld_protocol::kind::Kind;
use veld_protocol::shim;
use veld_state::{Awaited, Observed, file_or_end, found};
use veld_sys::Context;
use veld_sys::process::{Forked, exit_now, fork};

use crate::devices::Devices;
use crate::disk;
use crate::error::{Error, ErrorKind, Source, chain};
use crate::files::Files;
use crate::health::health;
use crate::launcher;
use crate::net::addresses;
use crate::outcome::Done;
use crate::plan::{Facts, StartPlan};
use crate::report::{Report, Reporter};
use crate::resolver::resolver;
use crate::sweep::{Left, sweep};
use crate::tuning::Tuning;
use crate::ve::Ve;

/// When a start returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// Once PID 1 executes.
    No,
    /// Once its services are up, or this has passed.
    Up(Duration),
}

/// How long a killed launcher may take to be gone.
const DYING: Duration = Duration::from_secs(5);

/// How long an init must have run of which nobody knows whether it is up.
const SETTLING: Duration = Duration::from_millis(300);

/// Starts a VE.
///
/// # Errors
/// [`ErrorKind::AlreadyRunning`], [`ErrorKind::Refused`] for config that cannot
/// be enforced here, [`ErrorKind::TimedOut`] where the services are not up in
/// time (the VE runs on then), [`ErrorKind::Failed`] for a step, undone.
pub fn start(ve: &Ve<'_>, wait: Wait) -> Result<Done, Error> {
    let begun = Instant::now();
    let lock = ve.must_exist(ve.lock("start")?)?;
    must_not_run(ve)?;
    sweep(ve, Left::Refuse)?;
    let failed = |source| Error::action(&ve.name, "start", source);
    ve.settle().map_err(failed)?;
    disk::hold(ve).map_err(failed)?;
    find_addresses(ve).map_err(failed)?;
    let plan = make_plan(ve).map_err(failed)?;
    let mut warnings = fork_launcher(ve, &plan)?;
    drop(lock);
    let done = match wait {
        Wait::No => Done::new("started"),
        Wait::Up(patience) => {
            ve.step("wait for services");
            until_up(ve, patience)?;
            warnings.extend(degraded(ve));
            Done::new(format!(
                "started, up in {:.2} s",
                begun.elapsed().as_secs_f64()
            ))
        }
    };
    Ok(done.with_warnings(warnings))
}

/// Finds addresses where the config, edited by hand, names a pool.
pub(crate) fn find_addresses(ve: &Ve<'_>) -> Result<(), Source> {
    let mut config = ve.config()?;
    if !addresses::asks_pools(&config) {
        return Ok(());
    }
    let found = addresses::resolve(ve, ve.id()?, &mut config).and_then(|()| {
        ve.step("save config");
        Ok(config.save(&ve.area.config())?)
    });
    // What the edit took away is free; of two failures the first is the one to report.
    let settled = addresses::settle_claims(ve);
    found.and(settled)
}

/// The plan that a start of this VE would follow now; nothing is changed.
///
/// # Errors
/// As [`start`], for what can be known before.
pub fn plan(ve: &Ve<'_>) -> Result<StartPlan, Error> {
    ve.must_be_there()?;
    must_not_run(ve)?;
    make_plan(ve).map_err(|source| Error::action(&ve.name, "start", source))
}

fn must_not_run(ve: &Ve<'_>) -> Result<(), Error> {
    if let Observed::Running(_) = ve.observe() {
        let fact = "is already running";
        return Err(Error::fact(ErrorKind::AlreadyRunning, &ve.name, fact));
    }
    Ok(())
}

pub(crate) fn make_plan(ve: &Ve<'_>) -> Result<StartPlan, Source> {
    ve.step("make plan");
    let config = ve.config()?;
    let id = ve.id()?;
    let facts = Facts {
        config: ve.host.config(),
        id,
        ids: ve.ids()?,
        files: Files::of_config(ve, &config)?,
        devices: Devices::find(&config)?,
        memory: veld_kernfs::memory_total()?,
        tuning: Tuning::new(ve, &config)?,
        resolver: resolver(&config, ve.host.config()),
    };
    let plan = StartPlan::new(&ve.name, &config, facts);
    ve.host.cgroups()?.check(&plan.limits)?;
    Ok(plan)
}

/// Forks the launcher and hears how it fared. Both hold the VE's lock until the
/// launcher has become the shim.
fn fork_launcher(ve: &Ve<'_>, plan: &StartPlan) -> Result<Vec<String>, Error> {
    let failed = |source: Source| Error::action(&ve.name, "start", source);
    let pipe = std::io::pipe().context(|| "create a pipe");
    let (reader, writer) = pipe.map_err(|failure| failed(failure.into()))?;
    ve.step("fork launcher");
    let forked = fork().context(|| "fork the launcher");
    match forked.map_err(|failure| failed(failure.into()))? {
        Forked::Child => {
            drop(reader);
            let reporter = Reporter::to(std::os::fd::OwnedFd::from(writer).into());
            launcher::launch(ve, plan, &reporter);
            exit_now(1)
        }
        Forked::Parent(launcher) => {
            drop(writer);
            // The launcher's own waits have deadlines, so this one ends.
            let report = Report::read(reader).context(|| "hear from the launcher");
            let report = report.map_err(|failure| failed(failure.into()))?;
            let mut also = None;
            if report.is_silent() {
                // It was killed; what it began is undone by whoever holds the lock.
                launcher.end(DYING);
                also = sweep(ve, Left::Kill).err().map(|error| chain(&error));
            }
            report
                .into_result(ve.name.as_str())
                .map_err(|error| error.and_also(also))
        }
    }
}

fn until_up(ve: &Ve<'_>, patience: Duration) -> Result<(), Error> {
    let failed = |source: Source| Error::action(&ve.name, "wait for", source);
    let Observed::Running(running) = ve.observe() else {
        return Err(ended(ve));
    };
    let awaited = file_or_end(&ve.run, shim::READY, running.init.as_fd(), patience);
    match awaited.map_err(|failure| failed(failure.into()))? {
        // Of an init that cannot tell, it is the start that was told.
        Awaited::File if may_end_at_once(ve) => {
            match veld_state::ended(running.init.as_fd(), SETTLING) {
                Ok(true) => Err(ended(ve)),
                _ => Ok(()),
            }
        }
        Awaited::File => Ok(()),
        Awaited::Ended => Err(ended(ve)),
        Awaited::Late => {
            let seconds = patience.as_secs();
            let fact = format!("is started, but its services are not up after {seconds} s");
            Err(Error::fact(ErrorKind::TimedOut, &ve.name, fact))
        }
    }
}

/// Whether PID 1 is an init that was executed and has no way to tell that its
/// services are up.
fn may_end_at_once(ve: &Ve<'_>) -> bool {
    let tells = |kind| matches!(kind, Kind::Systemd | Kind::Finit);
    found(&ve.run).is_some_and(|found| found.hands_over && !tells(found.kind))
}

/// What does not run as it should in a VE that has just come up.
fn degraded(ve: &Ve<'_>) -> Option<String> {
    ve.step("look for failed services");
    // What it said by now, not what it had when it was first seen.
    let now = match ve.observe() {
        Observed::Running(now) => health(ve, &now),
        Observed::Stopped(_) => return None,
    };
    let is_systemd = found(&ve.run).is_some_and(|found| found.kind == Kind::Systemd);
    let noun = if is_systemd { "units" } else { "services" };
    (!now.failed.is_empty()).then(|| format!("degraded: failed {noun}: {}", now.failed.join(" ")))
}

/// The VE ended while it was coming up; its shim is writing down how.
fn ended(ve: &Ve<'_>) -> Error {
    let deadline = Instant::now() + Duration::from_secs(2);
    let how = loop {
        if let Observed::Stopped(stopped) = ve.observe() {
            // Without a shim there is no end to be seen, but a reason for that.
            let how = stopped.ended.map(|ended| ended.how());
            if let Some(how) = how.or(stopped.failure) {
                break Some(how.trim_end().to_owned());
            }
        }
        if Instant::now() > deadline {
            break None;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let how = how.unwrap_or_else(|| "nobody saw how".to_owned());
    Error::fact(
        ErrorKind::Failed,
        &ve.name,
        format!("ended before its services were up: {how}"),
    )
    .with_hint(format!("see veld logs {}", ve.name))
}
