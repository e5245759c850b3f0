//! Files with a line for each of something, which are not there where there is none.

use std::io;

use veld_durable::Life;
use veld_sys::{Context, Failure};

use super::{RunDir, remove_file};

impl RunDir {
    /// Puts the lines into the file `name`, or removes it where there are none.
    pub(super) fn say_lines(&self, name: &str, lines: &[String]) -> Result<(), Failure> {
        let path = self.file(name);
        if lines.is_empty() {
            return remove_file(&path);
        }
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        veld_durable::replace(&path, text.as_bytes(), Life::Volatile)
    }

    /// The lines of the file `name`.
    pub(super) fn lines(&self, name: &str) -> Result<Vec<String>, Failure> {
        let path = self.file(name);
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(text.lines().map(str::to_owned).collect()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error).context(|| format!("read {}", path.display())),
        }
    }
}
