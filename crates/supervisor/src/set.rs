//! Changing what a VE may have, in its config and, where it runs, in the kernel:
//! both or neither.
//!
//! ```text
//! say "setting" → tell the kernel → save the config → take "setting" back
//! ```
//!
//! What fails is undone by telling the kernel what held before. What is killed is
//! put right by the next command that looks: as long as "setting" is said, the
//! kernel is told once more what is on file, which is the old or the new.

use std::time::Duration;

use veld_config::{Assignment, Key, VeConfig};
use veld_durable::Lock;
use veld_state::{Observed, Running};

use crate::error::{Error, ErrorKind, Source, chain};
use crate::outcome::Done;
use crate::parameters::{When, when};
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
    let told = match ve.observe() {
        Observed::Running(running) => set_running(ve, &running, setting).map_err(failed)?,
        Observed::Stopped(_) if setting.runtime => {
            let fact = "is not running; without --runtime it counts from the next start";
            return Err(Error::fact(ErrorKind::NotRunning, &ve.name, fact));
        }
        Observed::Stopped(_) => {
            set_stopped(ve, setting).map_err(failed)?;
            Vec::new()
        }
    };
    Ok(Done::new(words(setting, &told)))
}

fn words(setting: &Setting, later: &[Key]) -> String {
    let set: Vec<String> = setting
        .assignments
        .iter()
        .map(ToString::to_string)
        .collect();
    let mut words = format!("set {}", set.join(" "));
    if setting.runtime {
        words.push_str(" for this run");
    }
    if !later.is_empty() {
        let later: Vec<&str> = later.iter().map(|key| key.word()).collect();
        words.push_str(&format!("; {} from the next start", later.join(", ")));
    }
    words
}

fn set_stopped(ve: &Ve<'_>, setting: &Setting) -> Result<(), Source> {
    let config = ve.config()?.assign(&setting.assignments)?;
    ve.host
        .cgroups()?
        .check(&Tuning::new(ve, &config)?.limits)?;
    ve.step("save config");
    Ok(config.save(&ve.area.config())?)
}

/// Sets it in a VE that runs; the keys of which it will only know after its next
/// start.
fn set_running(ve: &Ve<'_>, running: &Running, setting: &Setting) -> Result<Vec<Key>, Source> {
    let saved = ve.config()?;
    let overlay = overlay(ve)?;
    let mut later: Vec<Key> = setting.assignments.iter().map(Assignment::key).collect();
    later.retain(|key| when(*key) == When::NextStart);
    if let (true, Some(key)) = (setting.runtime, later.first()) {
        let word = key.word();
        return Err(Source::Refused(format!(
            "{word} counts from the next start, and cannot be for this run"
        )));
    }
    let (new_saved, new_overlay) = if setting.runtime {
        let overlay = overlay.iter().chain(&setting.assignments);
        (saved.clone(), overlay.cloned().collect())
    } else {
        let is_set = |key| setting.assignments.iter().any(|new| new.key() == key);
        let kept = overlay.iter().filter(|old| !is_set(old.key()));
        (
            saved.assign(&setting.assignments)?,
            kept.cloned().collect::<Vec<_>>(),
        )
    };
    let old = Tuning::new(ve, &saved.assign(&overlay)?)?;
    let new = Tuning::new(ve, &new_saved.assign(&new_overlay)?)?;
    let group = ve.group()?;
    ve.host.cgroups()?.check(&new.limits)?;
    if !setting.force {
        let present = group.effective()?;
        let refused = below_use(&old.limits, &new.limits, &present);
        if !refused.is_empty() {
            return Err(Source::Refused(told(&refused)));
        }
    }
    let attempt = Attempt {
        ve,
        running,
        old: &old,
        new: &new,
    };
    attempt.carry_out(|| {
        if new_saved != saved {
            ve.step("save config");
            new_saved.save(&ve.area.config())?;
        }
        let lines: Vec<String> = new_overlay.iter().map(ToString::to_string).collect();
        Ok(ve.run.say_runtime_settings(&lines)?)
    })?;
    Ok(later)
}

fn told(refused: &[Bound]) -> String {
    let bounds: Vec<String> = refused.iter().map(ToString::to_string).collect();
    format!("{}; --force sets it all the same", bounds.join("; "))
}

/// One change of what the kernel is told.
struct Attempt<'a> {
    ve: &'a Ve<'a>,
    running: &'a Running,
    old: &'a Tuning,
    new: &'a Tuning,
}

impl Attempt<'_> {
    fn carry_out(&self, save: impl FnOnce() -> Result<(), Source>) -> Result<(), Source> {
        let Self {
            ve,
            running,
            old,
            new,
        } = self;
        let group = ve.group()?;
        ve.run
            .say_setting(&format!("{} {}", old.oom_score_adj, new.oom_score_adj))?;
        let done = tuning::apply(ve, running, &group, old, new).and_then(|()| save());
        let Err(source) = done else {
            return Ok(ve.run.unsay_setting()?);
        };
        ve.step("undo");
        match tuning::apply(ve, running, &group, new, old) {
            Ok(()) => {
                ve.run.unsay_setting()?;
                Err(source)
            }
            // "Setting" stays said: whoever comes next tries again.
            Err(also) => Err(Source::Reported(format!(
                "{}; and cannot set what held before: {}",
                chain(&source),
                chain(&also)
            ))),
        }
    }
}

/// What was set for this run alone.
fn overlay(ve: &Ve<'_>) -> Result<Vec<Assignment>, Source> {
    let lines = ve.run.runtime_settings()?;
    Ok(lines
        .iter()
        .map(|line| line.parse())
        .collect::<Result<_, _>>()?)
}

/// The config with what was set for this run alone: what the kernel was told.
pub(crate) fn in_force(ve: &Ve<'_>) -> Result<VeConfig, Source> {
    Ok(ve.config()?.assign(&overlay(ve)?)?)
}

/// The keys that were set for this run alone.
pub(crate) fn of_this_run(ve: &Ve<'_>) -> Vec<Key> {
    let overlay = overlay(ve).unwrap_or_default();
    overlay.iter().map(Assignment::key).collect()
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
    let wanted = Tuning::new(ve, &in_force(ve)?)?;
    let group = ve.group()?;
    // Some of its processes may have the score of before, some that of after.
    for score in scores.split(' ').filter_map(|score| score.parse().ok()) {
        let before = Tuning {
            tables: tuning::unset(&wanted.tables),
            oom_score_adj: score,
            ..wanted.clone()
        };
        tuning::apply(ve, &running, &group, &before, &wanted)?;
    }
    Ok(ve.run.unsay_setting()?)
}
