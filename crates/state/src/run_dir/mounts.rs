//! Which mounts a VE that runs was given besides those that every VE has.

use veld_sys::Failure;

use super::RunDir;

/// A line for each mount.
pub(super) const MOUNTS: &str = "mounts";

impl RunDir {
    /// Says what mounts the VE has; says nothing of any where there is none.
    ///
    /// # Errors
    /// Names the path.
    pub fn say_mounts(&self, lines: &[String]) -> Result<(), Failure> {
        self.say_lines(MOUNTS, lines)
    }

    /// What was said of them.
    ///
    /// # Errors
    /// Names the path.
    pub fn mounts(&self) -> Result<Vec<String>, Failure> {
        self.lines(MOUNTS)
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
