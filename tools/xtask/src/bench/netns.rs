//! Network namespaces that stand for hosts: what is sent in one leaves no trace on
//! this host, and all that is made in one goes with it.

use std::fs::File;
use std::os::fd::AsFd;
use std::thread;

use anyhow::{Context, Result, bail};
use nix::sched::{CloneFlags, setns, unshare};

/// A network namespace that lives as long as this and what runs in it.
#[derive(Debug)]
pub(super) struct Netns(File);

impl Netns {
    /// Makes a new one, its `lo` down.
    ///
    /// # Errors
    /// The kernel makes none.
    pub(super) fn new() -> Result<Self> {
        let made = thread::spawn(|| -> Result<File> {
            unshare(CloneFlags::CLONE_NEWNET).context("cannot make a network namespace")?;
            File::open("/proc/thread-self/ns/net").context("cannot open a network namespace")
        });
        match made.join() {
            Ok(file) => Ok(Self(file?)),
            Err(_) => bail!("a thread that makes a network namespace has panicked"),
        }
    }

    /// Does something in there: programs that it begins stay there.
    ///
    /// # Errors
    /// Those of `work`.
    pub(super) fn run<T: Send>(&self, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        thread::scope(|scope| {
            let done = scope.spawn(|| {
                setns(self.0.as_fd(), CloneFlags::CLONE_NEWNET)
                    .context("cannot enter a network namespace")?;
                work()
            });
            match done.join() {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    }

    /// A path by which other programs find it, as long as this process holds it.
    pub(super) fn path(&self) -> String {
        use std::os::fd::AsRawFd;
        format!("/proc/{}/fd/{}", std::process::id(), self.0.as_raw_fd())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_in_a_namespace_is_done_there() {
        if !nix::unistd::geteuid().is_root() {
            println!("skipped: network namespaces need root");
            return;
        }
        let there = Netns::new().unwrap();
        let links = there.run(|| Ok(std::fs::read_to_string("/proc/thread-self/net/dev")?));
        assert_eq!(links.unwrap().matches(':').count(), 1, "lo alone");
        assert!(File::open(there.path()).is_ok());
    }
}
