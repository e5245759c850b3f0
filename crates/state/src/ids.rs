//! Numeric ids of VEs: one number from which its host ids, its address and the
//! name of its link follow, so that none of these needs a search.

use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use veld_durable::{Life, Lock, LockError};
use veld_sys::{Context, Failure, fault};

/// The directory of ids: a symbolic link `ID -> NAME` for each that is taken,
/// and beside them `next`, where the search begins, and `lock`, which both stay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ids {
    dir: PathBuf,
}

const NEXT: &str = "next";
const LOCK: &str = "lock";
/// How long one waits for others to take their numbers: a file or two each.
const PATIENCE: Duration = Duration::from_secs(10);

impl Ids {
    /// The lowest id that is given out; those below were the host's own with OpenVZ.
    pub const FIRST: u32 = 101;
    /// The highest id; with it, every range of host ids stays below 2^32.
    pub const LAST: u32 = 36_862;

    /// Ids kept in `dir`.
    #[must_use]
    pub fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// Takes a free id for `name`. Before it is taken, `claim` is called with
    /// it: whatever that leaves tells a sweep after a crash what to release.
    ///
    /// # Errors
    /// ENOSPC when all are taken; `WouldBlock`, naming the holder, where others
    /// take theirs for longer than ten seconds; those of `claim`.
    pub fn take(
        &self,
        name: &str,
        claim: impl Fn(u32) -> Result<(), Failure>,
    ) -> Result<u32, Failure> {
        veld_durable::ensure_dir(&self.dir, Life::Durable)?;
        let lock = self.lock(PATIENCE, name)?;
        let next = self.next();
        let free = (next..=Self::LAST)
            .chain(Self::FIRST..next)
            .find(|&id| self.holder(id).is_none());
        let id = free
            .ok_or(rustix::io::Errno::NOSPC)
            .context(|| "find a free id")?;
        claim(id)?;
        let link = self.link(id);
        let taking = || format!("create {}", link.display());
        fault::point("take id")
            .and_then(|()| symlink(name, &link))
            .context(taking)?;
        let after = if id == Self::LAST {
            Self::FIRST
        } else {
            id + 1
        };
        // Only a hint of where to look first.
        veld_durable::replace(
            &self.dir.join(NEXT),
            after.to_string().as_bytes(),
            Life::Volatile,
        )?;
        drop(lock);
        // A number that a power loss took back would be given out twice. Nobody
        // needs to wait for the disk but who has the number.
        veld_durable::sync_parent(&link).context(taking)?;
        Ok(id)
    }

    fn lock(&self, patience: Duration, name: &str) -> Result<Lock, Failure> {
        let path = self.dir.join(LOCK);
        Lock::acquire(&path, patience, &format!("id for {name}")).map_err(|error| match error {
            LockError::Failed(failure) => failure,
            LockError::Held(holder) => {
                let by = holder.map_or_else(String::new, |holder| format!(" by {holder}"));
                let held = io::Error::new(io::ErrorKind::WouldBlock, format!("is held{by}"));
                Failure::new(format!("lock {}", path.display()), held)
            }
        })
    }

    /// The VE that has `id`.
    #[must_use]
    pub fn holder(&self, id: u32) -> Option<String> {
        let target = std::fs::read_link(self.link(id)).ok()?;
        target.into_os_string().into_string().ok()
    }

    /// Gives `id` back if `name` has it.
    ///
    /// # Errors
    /// Names the path.
    pub fn release(&self, id: u32, name: &str) -> Result<(), Failure> {
        if self.holder(id).as_deref() != Some(name) {
            return Ok(());
        }
        let link = self.link(id);
        fault::point("release id")
            .and_then(|()| match std::fs::remove_file(&link) {
                Err(gone) if gone.kind() == io::ErrorKind::NotFound => Ok(()),
                result => result,
            })
            .context(|| format!("remove {}", link.display()))
    }

    /// Makes `id`, if `from` has it, `to`'s, in one step.
    ///
    /// # Errors
    /// Names the path.
    pub fn pass(&self, id: u32, from: &str, to: &str) -> Result<(), Failure> {
        if self.holder(id).as_deref() != Some(from) {
            return Ok(());
        }
        let link = self.link(id);
        let _lock = self.lock(PATIENCE, to)?;
        fault::point("pass id")
            .and_then(|()| veld_durable::replace_link(&link, to))
            .and_then(|()| veld_durable::sync_parent(&link))
            .context(|| format!("pass id {id} to {to}"))
    }

    fn link(&self, id: u32) -> PathBuf {
        self.dir.join(id.to_string())
    }

    fn next(&self) -> u32 {
        read_number(&self.dir.join(NEXT))
            .filter(|id| (Self::FIRST..=Self::LAST).contains(id))
            .unwrap_or(Self::FIRST)
    }
}

fn read_number(path: &Path) -> Option<u32> {
    std::fs::read_to_string(path).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_given_once_and_again_after_release() {
        let dir = tempfile::tempdir().unwrap();
        let ids = Ids::new(dir.path().join("ids"));
        let take = |name| ids.take(name, |_| Ok(())).unwrap();
        assert_eq!(take("a"), Ids::FIRST);
        assert_eq!(take("b"), Ids::FIRST + 1);
        ids.release(Ids::FIRST, "b").unwrap();
        assert_eq!(
            ids.holder(Ids::FIRST).as_deref(),
            Some("a"),
            "another's id stays"
        );
        ids.release(Ids::FIRST, "a").unwrap();
        ids.release(Ids::FIRST, "a").unwrap();
        assert_eq!(ids.holder(Ids::FIRST), None);
        assert_eq!(
            take("c"),
            Ids::FIRST + 2,
            "a released id rests before it is used again"
        );
    }

    #[test]
    fn an_id_is_passed_on_by_who_has_it() {
        let dir = tempfile::tempdir().unwrap();
        let ids = Ids::new(dir.path().join("ids"));
        let id = ids.take("a", |_| Ok(())).unwrap();
        ids.pass(id, "c", "d").unwrap();
        assert_eq!(ids.holder(id).as_deref(), Some("a"));
        symlink("lost", dir.path().join(format!("ids/.{id}.new"))).unwrap();
        ids.pass(id, "a", "b").unwrap();
        assert_eq!(ids.holder(id).as_deref(), Some("b"));
        ids.release(id, "b").unwrap();
        assert_eq!(ids.take("e", |_| Ok(())).unwrap(), id + 1);
    }

    #[test]
    fn the_search_wraps_around() {
        let dir = tempfile::tempdir().unwrap();
        let ids = Ids::new(dir.path().to_owned());
        let last = Ids::LAST.to_string();
        veld_durable::replace(&dir.path().join(NEXT), last.as_bytes(), Life::Volatile).unwrap();
        assert_eq!(ids.take("a", |_| Ok(())).unwrap(), Ids::LAST);
        assert_eq!(ids.take("b", |_| Ok(())).unwrap(), Ids::FIRST);
    }

    #[test]
    fn who_takes_an_id_is_named_to_who_waits_too_long() {
        let dir = tempfile::tempdir().unwrap();
        let ids = Ids::new(dir.path().to_owned());
        let held = ids.lock(Duration::ZERO, "web1").unwrap();
        let failure = ids.lock(Duration::from_millis(20), "web2").unwrap_err();
        assert_eq!(failure.kind(), io::ErrorKind::WouldBlock);
        let lock = dir.path().join(LOCK);
        assert_eq!(
            failure.to_string(),
            format!("cannot lock {}", lock.display())
        );
        let cause = std::error::Error::source(&failure).unwrap().to_string();
        let me = std::process::id();
        assert_eq!(cause, format!("is held by pid {me} (id for web1)"));
        drop(held);
        assert_eq!(ids.take("web2", |_| Ok(())).unwrap(), Ids::FIRST);
    }

    #[test]
    fn takers_at_the_same_time_get_different_ids() {
        let dir = tempfile::tempdir().unwrap();
        let ids = Ids::new(dir.path().join("ids"));
        let mut taken: Vec<u32> = std::thread::scope(|scope| {
            let takers: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| ids.take("a", |_| Ok(())).unwrap()))
                .collect();
            takers
                .into_iter()
                .map(|taker| taker.join().unwrap())
                .collect()
        });
        taken.sort_unstable();
        assert!(taken.into_iter().eq(Ids::FIRST..Ids::FIRST + 8));
    }

    #[test]
    fn a_failed_claim_takes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let ids = Ids::new(dir.path().to_owned());
        let full = || Failure::new("write", io::Error::from(io::ErrorKind::StorageFull));
        ids.take("a", |_| Err(full())).unwrap_err();
        assert_eq!(ids.holder(Ids::FIRST), None);
    }
}
