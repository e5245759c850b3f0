//! What only one VE may have: an address, a port. Each is a short text, and who
//! has it is a name.
//!
//! ```text
//!            claim: link KEY -> NAME, which only one can make
//!   free ------------------------------------------------------> NAME's
//!    ^                                                             |
//!    +------------------------- release ---------------------------+
//!              by NAME, or by whoever wants it where NAME
//!              no longer has a use for it (under the lock)
//! ```
//!
//! A claim only keeps two VEs apart; what a VE has is in its config. So a claim
//! that was lost can be made again from there, and one that stands for nothing (a
//! creation that was killed, a config that was edited) is found out by whoever is
//! refused for it: there is nothing to sweep.

use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use veld_durable::Life;
use veld_sys::{Context, Failure, fault};

/// A directory of claims: a symbolic link `KEY -> NAME` for each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    dir: PathBuf,
}

/// How a claim went.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Claim {
    /// It was free.
    New,
    /// The same name had it already.
    Own,
    /// Another has it: its name.
    Held(String),
}

/// How long one waits for others to release theirs: a file or two each.
const PATIENCE: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(1);
/// `NAME_MAX`.
const LONGEST: usize = 255;

impl Claims {
    /// Claims kept in `dir`.
    #[must_use]
    pub fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// Claims `key` for `name`. Where another has it, `is_used` is asked whether
    /// that other still has a use for it; who has none loses it.
    ///
    /// The claim lasts over a loss of power once [`keep`](Self::keep) was called.
    ///
    /// # Errors
    /// Names the path; `WouldBlock` where others release theirs for longer than ten
    /// seconds; EINVAL for a key that cannot be a file's name.
    pub fn claim(
        &self,
        key: &str,
        name: &str,
        is_used: impl Fn(&str) -> bool,
    ) -> Result<Claim, Failure> {
        veld_durable::ensure_dir(&self.dir, Life::Durable)?;
        let link = self.link(key)?;
        loop {
            if make(&link, name)? {
                return Ok(Claim::New);
            }
            match target(&link) {
                // Released since.
                None => {}
                Some(holder) if holder == name => return Ok(Claim::Own),
                Some(holder) if is_used(&holder) => return Ok(Claim::Held(holder)),
                Some(holder) => self.remove(&link, &holder)?,
            }
        }
    }

    /// Claims all of `keys` for `name` or, where one of them is another's, none that
    /// it did not have: then that key and its holder.
    ///
    /// # Errors
    /// Those of [`claim`](Self::claim).
    pub fn claim_all(
        &self,
        keys: &[String],
        name: &str,
        is_used: impl Fn(&str, &str) -> bool,
    ) -> Result<Option<(String, String)>, Failure> {
        let mut new: Vec<&str> = Vec::new();
        for key in keys {
            let claimed = self.claim(key, name, |holder| is_used(key, holder));
            let held = match claimed {
                Ok(Claim::New) => {
                    new.push(key);
                    continue;
                }
                Ok(Claim::Own) => continue,
                Ok(Claim::Held(holder)) => Ok(Some((key.clone(), holder))),
                Err(failure) => Err(failure),
            };
            // The first failure is the one to report; what stays has no use, and
            // whoever wants it finds that out.
            for key in new {
                let _ = self.release(key, name);
            }
            return held;
        }
        if !new.is_empty() {
            self.keep()?;
        }
        Ok(None)
    }

    /// Has the claims that were made so far outlast a loss of power.
    ///
    /// # Errors
    /// Names the directory.
    pub fn keep(&self) -> Result<(), Failure> {
        File::open(&self.dir)
            .and_then(|directory| directory.sync_all())
            .context(|| format!("sync {}", self.dir.display()))
    }

    /// The name that has `key`.
    #[must_use]
    pub fn holder(&self, key: &str) -> Option<String> {
        target(&self.link(key).ok()?)
    }

    /// Gives `key` back if `name` has it.
    ///
    /// # Errors
    /// Those of [`claim`](Self::claim).
    pub fn release(&self, key: &str, name: &str) -> Result<(), Failure> {
        let link = self.link(key)?;
        if target(&link).as_deref() != Some(name) {
            return Ok(());
        }
        self.remove(&link, name)
    }

    /// Gives back all that `name` has and `is_kept` does not want. Reads the whole
    /// directory: for what an action left that failed, or was killed.
    ///
    /// # Errors
    /// Names the path.
    pub fn release_all_of(
        &self,
        name: &str,
        is_kept: impl Fn(&str) -> bool,
    ) -> Result<(), Failure> {
        let listing = || format!("list {}", self.dir.display());
        let entries = match std::fs::read_dir(&self.dir) {
            Err(missing) if missing.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries.context(listing)?,
        };
        for entry in entries {
            let path = entry.context(listing)?.path();
            let key = path.file_name().and_then(|key| key.to_str());
            if target(&path).as_deref() == Some(name) && !key.is_some_and(&is_kept) {
                self.remove(&path, name)?;
            }
        }
        Ok(())
    }

    /// Makes `key`, if `from` has it, `to`'s, in one step: it is free at no time.
    ///
    /// # Errors
    /// Those of [`claim`](Self::claim).
    pub fn pass(&self, key: &str, from: &str, to: &str) -> Result<(), Failure> {
        let link = self.link(key)?;
        if target(&link).as_deref() != Some(from) {
            return Ok(());
        }
        let _lock = self.lock()?;
        if target(&link).as_deref() != Some(from) {
            return Ok(());
        }
        // No key begins like the name beside.
        fault::point("pass claim")
            .and_then(|()| veld_durable::replace_link(&link, to))
            .context(|| format!("pass {} to {to}", link.display()))
    }

    /// Removes a claim that is still `holder`'s. Under the lock: between the look and
    /// the removal nobody else may remove it, or what the next one made would go.
    fn remove(&self, link: &Path, holder: &str) -> Result<(), Failure> {
        let _lock = self.lock()?;
        if target(link).as_deref() != Some(holder) {
            return Ok(());
        }
        fault::point("release claim")
            .and_then(|()| std::fs::remove_file(link))
            .context(|| format!("remove {}", link.display()))
    }

    /// The directory itself is what is locked: a full disk has no room for a file
    /// that says who has it, and is no reason not to give something back.
    ///
    /// # Kernel
    /// flock(2)
    fn lock(&self) -> Result<File, Failure> {
        let locking = || format!("lock {}", self.dir.display());
        let directory = File::open(&self.dir).context(locking)?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            match directory.try_lock() {
                Ok(()) => return Ok(directory),
                Err(TryLockError::WouldBlock) if Instant::now() >= deadline => {
                    return Err(Errno::WOULDBLOCK).context(locking);
                }
                Err(TryLockError::WouldBlock) => std::thread::sleep(POLL),
                Err(TryLockError::Error(cause)) => return Err(cause).context(locking),
            }
        }
    }

    fn link(&self, key: &str) -> Result<PathBuf, Failure> {
        let is_name = !key.is_empty()
            && key.len() <= LONGEST
            && !key.starts_with('.')
            && !key.contains(['/', '\0']);
        if is_name {
            return Ok(self.dir.join(key));
        }
        Err(Errno::INVAL).context(|| format!("claim \"{}\"", key.escape_default()))
    }
}

/// Makes the link; whether there was none.
fn make(link: &Path, name: &str) -> Result<bool, Failure> {
    let made = fault::point("make claim").and_then(|()| symlink(name, link));
    match made {
        Err(there) if there.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        result => result
            .map(|()| true)
            .context(|| format!("create {}", link.display())),
    }
}

/// Whom a link names: none for what is not there or not a link.
fn target(link: &Path) -> Option<String> {
    let target = std::fs::read_link(link).ok()?;
    target.into_os_string().into_string().ok()
}

#[cfg(test)]
mod tests;
