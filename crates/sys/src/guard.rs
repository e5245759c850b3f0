//! Undoing what must not stay, in the place of a process that was killed.

use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::time::Duration;

use crate::process::{Child, Forked, exit_now, fork};

/// How long the other process may take to be gone once it has nothing to do.
const ENDING: Duration = Duration::from_secs(2);

/// A process that waits for the end of this one, and does something then.
#[derive(Debug)]
#[must_use]
pub struct Guard {
    word: PipeWriter,
    process: Child,
}

impl Guard {
    /// Has `work` done by another process once this one has ended, however that comes
    /// about, unless the guard is [dismissed](Self::dismiss) before. What is open here
    /// stays open there; a terminal's signals do not reach it.
    ///
    /// # Errors
    /// Those of pipe(2) and clone3(2); EBUSY when this process has more than one thread.
    ///
    /// # Kernel
    /// pipe(7): the end of file comes when the last writer is gone. setsid(2).
    pub fn post(work: impl FnOnce()) -> io::Result<Self> {
        let (reader, word) = io::pipe()?;
        match fork()? {
            Forked::Child => {
                drop(word);
                let _ = rustix::process::setsid();
                stand_by(reader, work);
                exit_now(0)
            }
            Forked::Parent(process) => Ok(Self { word, process }),
        }
    }

    /// Tells it that there is nothing to do.
    ///
    /// # Errors
    /// Those of write(2): EPIPE where it was killed itself.
    pub fn dismiss(mut self) -> io::Result<()> {
        let said = self.word.write_all(b".");
        drop(self.word);
        let _ = self.process.reap(ENDING);
        said
    }
}

fn stand_by(mut reader: PipeReader, work: impl FnOnce()) {
    let mut word = [0];
    loop {
        match reader.read(&mut word) {
            Err(interrupted) if interrupted.kind() == io::ErrorKind::Interrupted => {}
            Ok(1) => return,
            _ => return work(),
        }
    }
}
