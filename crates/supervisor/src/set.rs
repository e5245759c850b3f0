//! Changing what a VE may have, in its config and, where it runs, in the kernel:
//! both or neither.
//!
//! ```text
//! say "setting" → say what is in force → tell the kernel → save the config → take "setting" back
//! ```
//!
//! Saving the config comes last: from then on the new holds, before that the old.
//! What fails is undone by telling the kernel what was in force before. What is
//! killed is put right by the next command that looks: as long as "setting" is
//! said, the kernel is told once more what is on file, which is the old or the new.
//!
//! A config that was edited by hand counts from the next start or the next `set`,
//! whichever comes first.

use std::net::IpAddr;
use std::os::fd::AsFd;
use std::time::Duration;

use veld_cgroups::Group;
use veld_config::{Assignment, Key, VeConfig};
use veld_durable::Lock;
use veld_protocol::event::What;
use veld_state::{Observed, Running};

use crate::devices::{self, Devices};
use crate::disk;
use crate::error::{Error, ErrorKind, Source, chain};
use crate::layout;
use crate::mounts;
use crate::net::{self, NetPlan, addresses, names};
use crate::outcome::Done;
use crate::parameters::{When, no_runtime, when};
use crate::present::{Bound, below_use};
use crate::tuning::{self, Tuning};
use crate::ve::Ve;

/// What is to be set, and how.
#[derive(Debug, Clone)]
pub struct Setting {
    /// Keys and their values, in this order.
    pub assignments: Vec<Assignment>,
    /// For this run of the VE alone; the config stays as it is.
    pub runtime: bool,
    /// Limits below what is in use are set all the same.
    pub force: bool,
}

/// Sets what is asked for: all of it or nothing.
///
/// # Errors
/// [`ErrorKind::Refused`] for a value or a limit that makes no sense here, or that
/// is below what is in use; [`ErrorKind::NotRunning`] for a run that there is not;
/// [`ErrorKind::Failed`] for a step, undone.
pub fn set(ve: &Ve<'_>, setting: &Setting) -> Result<Done, Error> {
    let lock = ve.must_exist(ve.lock("set")?)?;
    let failed = |source: Source| Error::action(&ve.name, "set", source);
    settle_locked(ve, &lock).map_err(failed)?;
    let before = ve.config().ok();
    let (later, warnings) = match ve.observe() {
        Observed::Running(running) => match set_running_and_claims(ve, &running, setting) {
            // It went away under this command, which may be why.
            Err(_) if has_ended(&running) => set_stopped(ve, setting)?,
            result => result.map_err(failed)?,
        },
        Observed::Stopped(_) => set_stopped(ve, setting)?,
    };
    ve.run.tell(What::Set(&said(setting)));
    let mut words = words(setting, &later);
    if let Some(got) = before.and_then(|before| got_of_pools(ve, setting, &before)) {
        words.push_str(&format!("; it has {got} now"));
    }
    Ok(Done::new(words).with_warnings(warnings))
}

/// The new addresses of a VE, where pools were asked for some.
fn got_of_pools(ve: &Ve<'_>, setting: &Setting, before: &VeConfig) -> Option<String> {
    let asked = before.assign(&setting.assignments).ok()?;
    if setting.runtime || !addresses::asks_pools(&asked) {
        return None;
    }
    let had = addresses::addresses_of(before);
    let has = addresses::addresses_of(&ve.config().ok()?);
    let new = has.iter().filter(|address| !had.contains(address));
    let new: Vec<String> = new.map(ToString::to_string).collect();
    (!new.is_empty()).then(|| new.join(" "))
}

/// Whether the VE has ended since it was looked at.
fn has_ended(running: &Running) -> bool {
    veld_state::ended(running.init.as_fd(), Duration::ZERO).unwrap_or(false)
}

/// What is set, in the words in which it was asked for.
fn said(setting: &Setting) -> String {
    let set = setting.assignments.iter().map(ToString::to_string);
    let mut said = set.collect::<Vec<String>>().join(" ");
    if setting.runtime {
        said.push_str(" for this run");
    }
    said
}

fn words(setting: &Setting, later: &[Key]) -> String {
    let mut words = format!("set {}", said(setting));
    if !later.is_empty() {
        let later: Vec<&str> = later.iter().map(|key| key.word()).collect();
        words.push_str(&format!("; {} from the next start", later.join(", ")));
    }
    words
}

/// The keys that count from the next start only, and what was not done.
type Told = (Vec<Key>, Vec<String>);

fn set_stopped(ve: &Ve<'_>, setting: &Setting) -> Result<Told, Error> {
    if setting.runtime {
        let fact = "is not running; without --runtime it counts from the next start";
        return Err(Error::fact(ErrorKind::NotRunning, &ve.name, fact));
    }
    let save = || -> Result<(), Source> {
        let before = ve.config()?;
        let mut config = before.assign(&setting.assignments)?;
        addresses::resolve(ve, ve.id()?, &mut config)?;
        addresses::must_not_be_the_hosts(ve, ve.id()?, &config)?;
        names::check(&config, ve.host.config())?;
        let _volumes = mounts::check(ve, &config)?;
        let limits = tuning::limits(ve, &config)?;
        ve.host.cgroups()?.check(&limits)?;
        NetPlan::new(&config, ve.host.config(), ve.id()?).check()?;
        set_disk(ve, &before, &config)?;
        ve.step("save config");
        config.save(&ve.area.config())?;
        let [had, has] = [&before, &config].map(addresses::addresses_of);
        addresses::release(ve, &had, &has)
    };
    let saved = save();
    if saved.is_err() {
        // The first failure is the one to report.
        let _ = addresses::settle_claims(ve);
    }
    saved.map_err(|source| Error::action(&ve.name, "set", source))?;
    Ok((Vec::new(), Vec::new()))
}

/// Before the config is saved: a limit that could not be set is not on file, and one
/// that was set and is not on file is set again by the next start.
fn set_disk(ve: &Ve<'_>, before: &VeConfig, after: &VeConfig) -> Result<(), Source> {
    disk::check_change(ve, before, after, false)?;
    let (old, new) = (layout::wish(ve.host, before), layout::wish(ve.host, after));
    if old == new {
        return Ok(());
    }
    ve.settle()?;
    disk::apply_stopped(ve, &new)
}

/// As [`set_running`], with the claims that go with its addresses.
fn set_running_and_claims(
    ve: &Ve<'_>,
    running: &Running,
    setting: &Setting,
) -> Result<Told, Source> {
    let had = Settings::now(ve)?.addresses();
    let told = set_running(ve, running, setting);
    if told.is_ok() {
        addresses::release(ve, &had, &Settings::now(ve)?.addresses())?;
    } else {
        // The first failure is the one to report.
        let _ = addresses::settle_claims(ve);
    }
    told
}

/// Sets it in a VE that runs; the keys of which it will only know after its next
/// start.
fn set_running(ve: &Ve<'_>, running: &Running, setting: &Setting) -> Result<Told, Source> {
    let keys: Vec<Key> = setting.assignments.iter().map(Assignment::key).collect();
    let obstacle = |key: &Key| Some((key.word(), no_runtime(*key)?));
    if let (true, Some((word, why))) = (setting.runtime, keys.iter().find_map(obstacle)) {
        return Err(Source::Refused(format!(
            "{word} {why}, and cannot be for this run"
        )));
    }
    let before = Settings::now(ve)?;
    let after = before.with(ve, setting)?;
    addresses::claim(ve, &after.addresses())?;
    names::check(&after.saved, ve.host.config())?;
    let _volumes = mounts::check(ve, &after.saved)?;
    must_be_there(&before.in_force, &after.in_force)?;
    let old = Tuning::new(ve, &before.in_force)?;
    let new = Tuning::new(ve, &after.in_force)?;
    let group = ve.group()?;
    ve.host.cgroups()?.check(&new.limits)?;
    disk::check_change(ve, &before.in_force, &after.in_force, true)?;
    if !setting.force {
        let refused = below_use(&new.limits, &group.effective()?);
        if !refused.is_empty() {
            return Err(Source::Refused(told(&refused)));
        }
    }
    let change = Change {
        ve,
        running,
        group,
        before: (&before, &old),
        after: (&after, &new),
    };
    let warnings = change.carry_out()?;
    let later = keys.into_iter().filter(|key| when(*key) == When::NextStart);
    Ok((later.collect(), warnings))
}

/// Refuses a new device that the host has not.
fn must_be_there(before: &VeConfig, after: &VeConfig) -> Result<(), Source> {
    let mut added = after.clone();
    added.devices.retain(|it| !before.devices.contains(it));
    Devices::find(&added)?;
    Ok(())
}

fn told(refused: &[Bound]) -> String {
    let bounds: Vec<String> = refused.iter().map(ToString::to_string).collect();
    format!("{}; --force sets it all the same", bounds.join("; "))
}

/// What is set for a VE that runs.
struct Settings {
    /// In its config.
    saved: VeConfig,
    /// For this run alone.
    of_this_run: Vec<Assignment>,
    /// What the kernel is told.
    in_force: VeConfig,
}

impl Settings {
    fn now(ve: &Ve<'_>) -> Result<Self, Source> {
        Ok(Self {
            saved: ve.config()?,
            of_this_run: of_this_run(ve)?,
            in_force: in_force(ve)?,
        })
    }

    /// The addresses that it has, or will have after its next start.
    fn addresses(&self) -> Vec<IpAddr> {
        let mut all = addresses::addresses_of(&self.saved);
        all.extend(addresses::addresses_of(&self.in_force));
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The same after a `set`: what is saved counts instead of what was for this
    /// run alone.
    fn with(&self, ve: &Ve<'_>, setting: &Setting) -> Result<Self, Source> {
        let new: Vec<Assignment> = setting
            .assignments
            .iter()
            .flat_map(Assignment::parts)
            .collect();
        let mut saved = self.saved.clone();
        let mut of_this_run = self.of_this_run.clone();
        if setting.runtime {
            for assignment in &new {
                of_this_run.retain(|old| !assignment.replaces(old));
                of_this_run.push(assignment.clone());
            }
        } else {
            saved = saved.assign(&new)?;
            addresses::resolve(ve, ve.id()?, &mut saved)?;
            of_this_run.retain(|old| !new.iter().any(|new| new.is_about(old)));
        }
        let in_force = together(&saved, &of_this_run, &self.in_force)?;
        if addresses::asks_pools(&in_force) {
            let fact = "an address of a pool is for good, and cannot be for this run";
            return Err(Source::Refused(fact.to_owned()));
        }
        Ok(Self {
            saved,
            of_this_run,
            in_force,
        })
    }

    /// Says what is in force to those who bring programs in.
    fn say_in_force(&self, ve: &Ve<'_>) -> Result<(), Source> {
        Ok(ve.run.say_in_force(&self.in_force.to_toml())?)
    }

    /// Says what is set for this run alone.
    fn say_of_this_run(&self, ve: &Ve<'_>) -> Result<(), Source> {
        let lines: Vec<String> = self.of_this_run.iter().map(ToString::to_string).collect();
        Ok(ve.run.say_runtime_settings(&lines)?)
    }
}

/// A config with what is set for this run alone; `held` has what only counts from
/// the next start as this run has it.
fn together(
    saved: &VeConfig,
    of_this_run: &[Assignment],
    held: &VeConfig,
) -> Result<VeConfig, Source> {
    let mut together = saved.assign(of_this_run)?;
    together.rlimits.clone_from(&held.rlimits);
    Ok(together)
}

/// One change from what is set before to what is set after.
struct Change<'a> {
    ve: &'a Ve<'a>,
    running: &'a Running,
    group: Group,
    before: (&'a Settings, &'a Tuning),
    after: (&'a Settings, &'a Tuning),
}

impl Change<'_> {
    fn carry_out(&self) -> Result<Vec<String>, Source> {
        let ((_, old), (_, new)) = (self.before, self.after);
        let run = &self.ve.run;
        run.say_setting(&format!("{} {}", old.oom_score_adj, new.oom_score_adj))?;
        let result = self.attempt();
        if let Err(source) = &result
            && let Err(also) = self.undo()
        {
            // "Setting" stays said: whoever comes next tries again.
            return Err(Source::Reported(format!(
                "{}; and cannot set again what held before: {}",
                chain(source),
                chain(&also)
            )));
        }
        // Where it stays, whoever comes next tells the kernel what it has already.
        let _ = run.unsay_setting();
        result
    }

    fn attempt(&self) -> Result<Vec<String>, Source> {
        let ((before, old), (after, new)) = (self.before, self.after);
        let ve = self.ve;
        // Before its processes are told, so that none comes in meanwhile that is not.
        after.say_in_force(ve)?;
        let warnings = tuning::apply(ve, self.running, &self.group, old, new)?;
        after.say_of_this_run(ve)?;
        if after.saved != before.saved {
            ve.step("save config");
            after.saved.save(&ve.area.config())?;
        }
        Ok(warnings)
    }

    fn undo(&self) -> Result<(), Source> {
        let ((before, old), (after, new)) = (self.before, self.after);
        let ve = self.ve;
        ve.step("undo");
        // Whoever settles what was killed here alters the network of what is said to
        // be in force, which therefore is what is being undone until that is done.
        net::change(ve, self.running, &new.net, &old.net)?;
        before.say_in_force(ve)?;
        before.say_of_this_run(ve)?;
        let new_but_net = Tuning {
            net: old.net.clone(),
            ..new.clone()
        };
        tuning::apply(ve, self.running, &self.group, &new_but_net, old)?;
        // Replaced, and then it could not be made sure that it lasts.
        if after.saved != before.saved && ve.config()? == after.saved {
            before.saved.save(&ve.area.config())?;
        }
        Ok(())
    }
}

/// What was set for this run alone.
fn of_this_run(ve: &Ve<'_>) -> Result<Vec<Assignment>, Source> {
    let lines = ve.run.runtime_settings()?;
    let lines = lines.iter().map(|line| line.parse());
    Ok(lines.collect::<Result<_, _>>()?)
}

/// What the VE that runs was told last: the config of its start, with what was
/// set since.
pub(crate) fn in_force(ve: &Ve<'_>) -> Result<VeConfig, Source> {
    match VeConfig::load(&ve.run.in_force()) {
        // Of a VE that an earlier veld has started.
        Err(error) if error.kind() == veld_config::ErrorKind::Missing => {
            Ok(ve.config()?.assign(&of_this_run(ve)?)?)
        }
        loaded => Ok(loaded?),
    }
}

/// The keys that were set for this run alone.
pub(crate) fn keys_of_this_run(ve: &Ve<'_>) -> Vec<Key> {
    let set = of_this_run(ve).unwrap_or_default();
    set.iter().map(Assignment::key).collect()
}

/// Puts right what a `set` left that was killed, unless somebody is at work.
pub(crate) fn settle(ve: &Ve<'_>) {
    if !matches!(ve.run.setting(), Ok(Some(_))) {
        return;
    }
    if let Ok(lock) = ve.lock_for("settle", Duration::ZERO) {
        // Where it fails, the next one tries again; what is shown is the kernel's.
        let _ = settle_locked(ve, &lock);
    }
}

fn settle_locked(ve: &Ve<'_>, _lock: &Lock) -> Result<(), Source> {
    let Some(scores) = ve.run.setting()? else {
        return Ok(());
    };
    let Observed::Running(running) = ve.observe() else {
        return Ok(());
    };
    ve.step("settle");
    let mut settings = Settings::now(ve)?;
    let said = Tuning::new(ve, &settings.in_force)?;
    settings.in_force = together(&settings.saved, &settings.of_this_run, &settings.in_force)?;
    let wanted = Tuning::new(ve, &settings.in_force)?;
    let group = ve.group()?;
    let unknown = Tuning {
        tables: tuning::unknown_tables(),
        net: said.net,
        disk: said.disk,
        ..wanted.clone()
    };
    tuning::apply(ve, &running, &group, &unknown, &wanted)?;
    // Some of its processes may have the score of before, some that of after.
    let score = wanted.oom_score_adj;
    let scores = scores.split(' ').filter_map(|score| score.parse().ok());
    for other in scores.filter(|other| *other != score) {
        ve.step("change out-of-memory score");
        group.change_oom_score_adj(other, score)?;
    }
    // A node that is in its /dev for nothing stays there until its next start.
    let none = Devices::default();
    devices::change(ve, &running, &group, [&none, &wanted.devices])?;
    settings.say_in_force(ve)?;
    settings.say_of_this_run(ve)?;
    addresses::settle_claims(ve)?;
    Ok(ve.run.unsay_setting()?)
}
