//! Who is stopping the VE.

use std::time::Duration;

use veld_durable::Life;
use veld_protocol::shim;
use veld_protocol::stamp::Stamp;
use veld_protocol::stopper::Stopper;
use veld_sys::Failure;

use super::{RunDir, remove_file};
use crate::process::Process;

impl RunDir {
    /// Says that this process is stopping the VE: its shim then leaves what comes
    /// after the end to it. Where it is killed over that, an end counts as asked for
    /// until so long from now.
    ///
    /// # Errors
    /// Names the path.
    pub fn say_stopping(&self, counts: Duration) -> Result<(), Failure> {
        let me = Process::of(std::process::id().cast_signed())?;
        let stopper = Stopper {
            pid: me.pid,
            born: me.born,
            until: Stamp::now().later_by(counts),
        };
        let text = format!("{stopper}\n");
        veld_durable::replace(&self.file(shim::STOPPING), text.as_bytes(), Life::Volatile)
    }

    /// Takes [`say_stopping`](Self::say_stopping) back.
    ///
    /// # Errors
    /// Names the path.
    pub fn unsay_stopping(&self) -> Result<(), Failure> {
        remove_file(&self.file(shim::STOPPING))
    }

    /// Whether a process that lives has said that it is stopping the VE.
    #[must_use]
    pub fn is_being_stopped(&self) -> bool {
        self.stopper().is_some_and(lives)
    }

    /// Whether an end of the VE now is one that a command asked for: it lives, or
    /// was killed not long ago.
    #[must_use]
    pub fn was_asked_to_stop(&self) -> bool {
        self.stopper()
            .is_some_and(|stopper| lives(stopper) || Stamp::now() < stopper.until)
    }

    fn stopper(&self) -> Option<Stopper> {
        let text = std::fs::read_to_string(self.file(shim::STOPPING)).ok()?;
        text.parse().ok()
    }
}

fn lives(stopper: Stopper) -> bool {
    let process = Process {
        pid: stopper.pid,
        born: stopper.born,
    };
    process.open().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_of_a_dead_command_counts_for_a_while() {
        let dir = tempfile::tempdir().unwrap();
        let run = RunDir::new(dir.path(), "web1");
        std::fs::create_dir(run.path()).unwrap();
        let told = || (run.is_being_stopped(), run.was_asked_to_stop());
        assert_eq!(told(), (false, false));
        run.say_stopping(Duration::ZERO).unwrap();
        assert_eq!(told(), (true, true));
        let dead = |seconds| {
            let me = run.stopper().unwrap();
            let dead = Stopper {
                born: me.born - 1,
                until: Stamp { seconds, nanos: 0 },
                ..me
            };
            std::fs::File::create(run.file(shim::STOPPING))
                .and_then(|mut file| {
                    std::io::Write::write_all(&mut file, format!("{dead}\n").as_bytes())
                })
                .unwrap();
        };
        dead(u64::MAX);
        assert_eq!(told(), (false, true));
        run.say_stopping(Duration::ZERO).unwrap();
        dead(1_700_000_000);
        assert_eq!(told(), (false, false));
    }
}
