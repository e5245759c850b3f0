//! What of a VE's settings is on record while it runs: what it was told, what of that
//! is for this run alone, and whether more is on its way.

use std::io;
use std::path::{Path, PathBuf};

use veld_durable::Life;
use veld_sys::{Context, Failure};

use super::{RunDir, remove_file};

/// What was set for this run alone.
pub(super) const RUNTIME: &str = "runtime";
/// The config that the VE was told, as it is in its own file or set for this run.
pub(super) const IN_FORCE: &str = "in-force";
/// There while settings are on their way to the kernel and into the config.
pub(super) const SETTING: &str = "setting";

impl RunDir {
    /// The config that the VE that runs was told: the one of its start, with what
    /// was set since.
    #[must_use]
    pub fn in_force(&self) -> PathBuf {
        self.file(IN_FORCE)
    }

    /// Says what config is in force.
    ///
    /// # Errors
    /// Names the path.
    pub fn say_in_force(&self, config: &str) -> Result<(), Failure> {
        veld_durable::replace(&self.in_force(), config.as_bytes(), Life::Volatile)
    }

    /// What was set for this run alone, a setting in each line.
    ///
    /// # Errors
    /// Names the path.
    pub fn runtime_settings(&self) -> Result<Vec<String>, Failure> {
        let text = read_if_there(&self.file(RUNTIME))?.unwrap_or_default();
        Ok(text.lines().map(str::to_owned).collect())
    }

    /// Says what is set for this run alone.
    ///
    /// # Errors
    /// Names the path.
    pub fn say_runtime_settings(&self, settings: &[String]) -> Result<(), Failure> {
        let path = self.file(RUNTIME);
        if settings.is_empty() {
            return remove_file(&path);
        }
        let lines: String = settings.iter().map(|line| format!("{line}\n")).collect();
        veld_durable::replace(&path, lines.as_bytes(), Life::Volatile)
    }

    /// Says that settings are on their way: until it is taken back nobody knows
    /// whether the kernel has what the config says. `note` is for who finds it.
    ///
    /// # Errors
    /// Names the path.
    pub fn say_setting(&self, note: &str) -> Result<(), Failure> {
        veld_durable::replace(&self.file(SETTING), note.as_bytes(), Life::Volatile)
    }

    /// Takes [`say_setting`](Self::say_setting) back.
    ///
    /// # Errors
    /// Names the path.
    pub fn unsay_setting(&self) -> Result<(), Failure> {
        remove_file(&self.file(SETTING))
    }

    /// The note of settings that are on their way, or were when a command was killed.
    ///
    /// # Errors
    /// Names the path.
    pub fn setting(&self) -> Result<Option<String>, Failure> {
        read_if_there(&self.file(SETTING))
    }
}

fn read_if_there(path: &Path) -> Result<Option<String>, Failure> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).context(|| format!("read {}", path.display())),
    }
}
