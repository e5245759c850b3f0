//! That a VE stands still while its files are copied.
//!
//! Whoever has it stand still says so before, and takes the word back when it goes on:
//! where all were killed who could let it go on, the next command with the lock does.

use veld_durable::Life;
use veld_sys::Failure;

use super::{RunDir, remove_file};

pub(super) const STILL: &str = "still";
const PROCESSES: &str = "processes\n";
const FILES: &str = "files\n";

/// What of a VE stands still.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Still {
    /// Its processes, and its file system where that is its own.
    Processes,
    /// Its file system: its processes were frozen before, by somebody else.
    Files,
}

impl RunDir {
    /// Says that the VE is to stand still.
    ///
    /// # Errors
    /// Names the path.
    pub fn say_still(&self, still: Still) -> Result<(), Failure> {
        let text = match still {
            Still::Processes => PROCESSES,
            Still::Files => FILES,
        };
        veld_durable::replace(&self.file(STILL), text.as_bytes(), Life::Volatile)
    }

    /// What is said of that.
    #[must_use]
    pub fn still(&self) -> Option<Still> {
        let text = std::fs::read_to_string(self.file(STILL)).ok()?;
        Some(if text == FILES {
            Still::Files
        } else {
            Still::Processes
        })
    }

    /// Takes the word back.
    ///
    /// # Errors
    /// Names the path.
    pub fn unsay_still(&self) -> Result<(), Failure> {
        remove_file(&self.file(STILL))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_is_kept_until_it_is_taken_back() {
        let dir = tempfile::tempdir().unwrap();
        let run = RunDir::new(dir.path(), "web1");
        std::fs::create_dir(run.path()).unwrap();
        for still in [Still::Processes, Still::Files] {
            run.say_still(still).unwrap();
            assert_eq!(run.still(), Some(still));
        }
        run.unsay_still().unwrap();
        run.unsay_still().unwrap();
        assert_eq!(run.still(), None);
    }
}
