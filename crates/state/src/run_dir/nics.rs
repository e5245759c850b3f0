//! What links of the host's were before the VE had them. It outlives a run that could
//! not give them back.

use veld_sys::Failure;

use super::RunDir;

/// A line for each link: what the VE calls it, and the note of what it was.
const NICS: &str = "nics";

impl RunDir {
    /// Says what links of the host's were that the VE is about to have; says nothing of
    /// any where there is none.
    ///
    /// # Errors
    /// Names the path.
    pub fn say_nics(&self, lines: &[String]) -> Result<(), Failure> {
        self.say_lines(NICS, lines)
    }

    /// What was said of them.
    ///
    /// # Errors
    /// Names the path.
    pub fn nics(&self) -> Result<Vec<String>, Failure> {
        self.lines(NICS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_stays_until_it_is_taken_back() {
        let dir = tempfile::tempdir().unwrap();
        let run = RunDir::new(dir.path(), "web1");
        std::fs::create_dir(run.path()).unwrap();
        assert!(run.nics().unwrap().is_empty());
        let lines = ["eth1 one".to_owned(), "eth2 two".to_owned()];
        run.say_nics(&lines).unwrap();
        run.clear().unwrap();
        assert_eq!(run.nics().unwrap(), lines);
        run.say_nics(&[]).unwrap();
        assert!(run.nics().unwrap().is_empty());
    }
}
