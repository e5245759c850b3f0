//! A group cannot refuse to die: it is thawed, then killed as one.

use std::collections::BTreeSet;

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use veld_sys::{Context, Failure, fault};

use crate::error::{Error, vanished};
use crate::group::Group;

/// How often processes are looked for that a killed one had just made.
const ROUNDS: u32 = 1000;

/// How many descriptors of processes are open at a time.
const BATCH: usize = 256;

impl Group {
    /// Sends SIGKILL to every process in the group and below it, frozen or not.
    ///
    /// It does not wait for them to be gone: [`Group::remove`] does. A group
    /// that is gone is fine.
    ///
    /// # Errors
    /// A file that could not be written or read, a process that could not be
    /// signalled.
    ///
    /// # Kernel
    /// cgroup.kill, Linux 5.14, which no fork escapes. Where it is missing, and
    /// for processes that are in v1 groups alone, each is killed by itself until
    /// no new one is found.
    pub fn kill(&self) -> Result<(), Error> {
        self.thaw()?;
        if let Some(v2) = self.host.v2() {
            match self.members(v2).write("cgroup.kill", 1) {
                Err(failure) if !vanished(&failure) => return Err(failure.into()),
                _ => {}
            }
        }
        self.kill_each()
    }

    /// Sends SIGKILL to those that attend the group and have not left it.
    pub(crate) fn kill_attendants(&self) -> Result<(), Error> {
        let listed = || Ok(self.attendants()?);
        for batch in listed()?.chunks(BATCH) {
            kill_batch(batch, listed)?;
        }
        Ok(())
    }

    fn kill_each(&self) -> Result<(), Error> {
        let mut killed = BTreeSet::new();
        for _ in 0..ROUNDS {
            let mut new = self.processes()?;
            new.retain(|pid| !killed.contains(pid));
            if new.is_empty() {
                break;
            }
            for batch in new.chunks(BATCH) {
                kill_batch(batch, || self.processes())?;
            }
            killed.extend(new);
        }
        Ok(())
    }
}

/// Kills those of `pids` that are still in what `listed` lists, in order.
///
/// A number may have been given to a stranger since it was read. So it is pinned by
/// a descriptor first and looked for in the group once more: what is listed then is
/// what the descriptor stands for, or that is dead.
fn kill_batch(pids: &[i32], listed: impl Fn() -> Result<Vec<i32>, Error>) -> Result<(), Error> {
    let mut pinned = Vec::new();
    for pid in pids.iter().filter_map(|pid| Pid::from_raw(*pid)) {
        match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(pidfd) => pinned.push((pid, pidfd)),
            Err(errno) if is_gone(errno) => {}
            Err(errno) => return Err(failed(pid, errno)),
        }
    }
    let still = listed()?;
    for (pid, pidfd) in pinned {
        if still.binary_search(&pid.as_raw_nonzero().get()).is_err() {
            continue;
        }
        fault::point("kill process").context(|| format!("kill process {pid}"))?;
        match pidfd_send_signal(&pidfd, Signal::KILL) {
            Ok(()) | Err(Errno::SRCH) => {}
            Err(errno) => return Err(failed(pid, errno)),
        }
    }
    Ok(())
}

/// Whether this is how pidfd_open(2) says that there is no process of a number.
///
/// # Kernel
/// ESRCH. Where the process was just being reaped or its number is that of a
/// thread by now: EINVAL before Linux 6.15, and ENOENT for the thread after it.
fn is_gone(errno: Errno) -> bool {
    matches!(errno, Errno::SRCH | Errno::INVAL | Errno::NOENT)
}

fn failed(pid: Pid, errno: Errno) -> Error {
    Failure::new(format!("kill process {pid}"), errno).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_is_a_threads_is_no_process() {
        let (tell, told) = std::sync::mpsc::channel();
        let (end, ended) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            tell.send(rustix::thread::gettid()).unwrap();
            // Until the sender is dropped.
            let _ = ended.recv();
        });
        let number = told.recv().unwrap();
        let refused = pidfd_open(number, PidfdFlags::empty()).unwrap_err();
        assert!(is_gone(refused), "{refused}");
        drop(end);
        thread.join().unwrap();
    }
}
