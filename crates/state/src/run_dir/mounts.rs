//! Which mounts a VE that runs was given besides those that every VE has.

use std::io;

use veld_durable::Life;
use veld_sys::{Context, Failure};

use super::{RunDir, remove_file};

/// A line for each mount.
pub(super) const MOUNTS: &str = "mounts";

impl RunDir {
    /// Says what mounts the VE has; says nothing of any where there is none.
    ///
    /// # Errors
    /// Names the path.
    pub fn say_mounts(&self, lines: &[String]) -> Result<(), Failure> {
        let path = self.file(MOUNTS);
        if lines.is_empty() {
            return remove_file(&path);
        }
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        veld_durable::replace(&path, text.as_bytes(), Life::Volatile)
    }

    /// What was said of them.
    ///
    /// # Errors
    /// Names the path.
    pub fn mounts(&self) -> Result<Vec<String>, Failure> {
        let path = self.file(MOUNTS);
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(text.lines().map(str::to_owned).collect()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error).context(|| format!("read {}", path.display())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_goes_with_the_run() {
        let dir = tempfile::tempdir().unwrap();
        let run = RunDir::new(dir.path(), "web1");
        std::fs::create_dir(run.path()).unwrap();
        assert!(run.mounts().unwrap().is_empty());
        let lines = ["one".to_owned(), "two".to_owned()];
        run.say_mounts(&lines).unwrap();
        assert_eq!(run.mounts().unwrap(), lines);
        run.clear().unwrap();
        assert!(run.mounts().unwrap().is_empty());
    }
}
