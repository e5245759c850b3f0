//! Which processes the kernel kills first when the host is out of memory.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Read, Write};

use rustix::io::Errno;
use veld_sys::{Context, fault};

use crate::error::Error;
use crate::group::Group;

/// How often processes are looked for that were made meanwhile.
const ROUNDS: u32 = 100;

impl Group {
    /// Gives every process in the group and below it the out-of-memory score
    /// `new`, where it has `old`: one that has chosen its own keeps it.
    ///
    /// # Errors
    /// EACCES for a score below what a privileged process set last, where this one
    /// is not; a file that could not be read or written. Processes before it have
    /// the new score then.
    ///
    /// # Kernel
    /// proc_pid_oom_score_adj(5).
    pub fn change_oom_score_adj(&self, old: i32, new: i32) -> Result<(), Error> {
        let mut done = BTreeSet::new();
        for _ in 0..ROUNDS {
            let mut found = self.processes()?;
            found.retain(|pid| !done.contains(pid));
            if found.is_empty() {
                break;
            }
            // A number may be a stranger's by now. What is open is of one process,
            // and that is of the group if its number is still listed afterwards.
            let opened: Vec<(i32, File)> = found
                .iter()
                .filter_map(|pid| Some((*pid, open(*pid).ok()?)))
                .collect();
            let still = self.processes()?;
            for (pid, file) in opened {
                if still.binary_search(&pid).is_ok() {
                    change(&file, old, new)
                        .context(|| format!("write {new} to /proc/{pid}/oom_score_adj"))?;
                }
            }
            done.extend(found);
        }
        Ok(())
    }
}

fn open(pid: i32) -> std::io::Result<File> {
    let path = format!("/proc/{pid}/oom_score_adj");
    File::options().read(true).write(true).open(path)
}

fn change(mut file: &File, old: i32, new: i32) -> std::io::Result<()> {
    fault::point("write kernel file")?;
    let mut text = String::new();
    let gone = |error: &std::io::Error| error.raw_os_error() == Some(Errno::SRCH.raw_os_error());
    match file.read_to_string(&mut text) {
        Err(error) if gone(&error) => return Ok(()),
        read => read?,
    };
    if text.trim_end() != old.to_string() {
        return Ok(());
    }
    match file.write_all(new.to_string().as_bytes()) {
        Err(error) if gone(&error) => Ok(()),
        written => written,
    }
}
