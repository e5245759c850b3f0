//! Memory that a group is promised: guaranteed, or reclaimed last.
//!
//! v2 protects a group only as far as the groups above it are protected, so
//! `PARENT` has to hold the sum of what its groups were promised: less would
//! take from all of them in proportion, more would be shared out among those
//! that were promised nothing. Whoever changes a promise holds a lock on
//! `PARENT` and sums up what the kernel has, so that the sum is right whoever
//! died before, and so that two promises at once cannot pass the capacity.
//!
//! v1 knows a soft limit of each group alone, which is set with the others.
//!
//! # Kernel
//! Documentation/admin-guide/cgroup-v2.rst, "memory.min", "memory.low" and
//! "memory_recursiveprot"; flock(2).

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use veld_sys::{Context, Failure, fault};

use crate::controller::Controller;
use crate::error::Error;
use crate::group::Group;
use crate::hierarchy::{Place, Version};
use crate::host::Host;
use crate::limits::Limits;
use crate::memory::{V2_LOW, V2_MIN};
use crate::remove::Wait;

/// The file that the lock is on. Its mode is 0200; opening it does nothing.
const LOCKED: &str = "cgroup.kill";
/// How long others may take over reading some files.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the groups of a parent were promised together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Promised {
    /// Guaranteed, in bytes.
    pub min: u64,
    /// Protected as far as may be, in bytes.
    pub low: u64,
}

impl Group {
    /// Promises the group the protected memory of `limits`, or none; `capacity`
    /// is how many bytes may be guaranteed to all groups of the parent together.
    ///
    /// # Errors
    /// [`Error::Promised`] with nothing changed; a file that could not be read or
    /// written.
    pub fn promise(&self, limits: &Limits, capacity: u64) -> Result<(), Error> {
        let Some(place) = self.protected_place() else {
            return Ok(());
        };
        let wanted = Promised {
            min: limits.memory_min.unwrap_or_default(),
            low: limits.memory_low.unwrap_or_default(),
        };
        if of_group(&place)? == wanted {
            return Ok(());
        }
        let parent = self.parent_place(&place)?;
        let _lock = lock(&parent, PATIENCE)?;
        let mut sum = sum(&parent, Some(&place.dir))?;
        if wanted.min > 0 && wanted.min.saturating_add(sum.min) > capacity {
            return Err(Error::Promised {
                asked: wanted.min,
                others: sum.min,
                capacity,
            });
        }
        sum.min = sum.min.saturating_add(wanted.min);
        sum.low = sum.low.saturating_add(wanted.low);
        // First where it can only be too much for a moment.
        raise(&parent, sum)?;
        write(&place, wanted)?;
        write(&parent, sum)?;
        Ok(())
    }

    /// Takes what was promised to a group that is gone off the sum.
    pub(crate) fn withdraw(&self) -> Result<(), Error> {
        let Some(place) = self.protected_place() else {
            return Ok(());
        };
        let parent = self.parent_place(&place)?;
        if of_group(&parent)? == Promised::default() {
            return Ok(());
        }
        let take_off = || -> Result<(), Failure> {
            let _lock = lock(&parent, PATIENCE)?;
            write(&parent, sum(&parent, None)?)
        };
        match take_off() {
            // It went with its last group, maybe since it was locked.
            Err(failure) if crate::error::vanished(&failure) => Ok(()),
            taken => Ok(taken?),
        }
    }

    /// Where protection is set, on a host that has it.
    fn protected_place(&self) -> Option<Place> {
        self.place_of(Controller::Memory)
            .filter(|place| place.version == Version::V2)
    }

    fn parent_place(&self, place: &Place) -> Result<Place, Failure> {
        let dir = place.dir.parent().map(PathBuf::from);
        let dir = dir.ok_or(Errno::NOENT);
        Ok(Place {
            version: place.version,
            dir: dir.context(|| format!("find the parent of {}", place.dir.display()))?,
        })
    }
}

impl Host {
    /// What the groups of `parent` were promised together; `None` on a host that
    /// guarantees nothing.
    ///
    /// # Errors
    /// A file that could not be read.
    pub fn promised(&self, parent: &str) -> Result<Option<Promised>, Error> {
        let Some(memory) = self.find(Controller::Memory) else {
            return Ok(None);
        };
        if memory.version == Version::V1 {
            return Ok(None);
        }
        let place = Place {
            version: memory.version,
            dir: memory.mount.join(parent),
        };
        Ok(Some(sum(&place, None)?))
    }
}

/// # Kernel
/// flock(2); cgroup.kill, Linux 5.14, is there in every group but the root.
fn lock(parent: &Place, patience: Duration) -> Result<OwnedFd, Failure> {
    let path = parent.path(LOCKED);
    let take = || -> io::Result<OwnedFd> {
        fault::point("lock promises")?;
        let flags = OFlags::WRONLY | OFlags::CLOEXEC;
        let fd = rustix::fs::open(&path, flags, Mode::empty())?;
        let mut wait = Wait::new(patience);
        loop {
            match rustix::fs::flock(&fd, FlockOperation::NonBlockingLockExclusive) {
                Err(Errno::WOULDBLOCK) if wait.pause() => {}
                Err(Errno::WOULDBLOCK) => {
                    let fact = format!("another has held it for {} ms", patience.as_millis());
                    return Err(io::Error::new(io::ErrorKind::TimedOut, fact));
                }
                done => return Ok(done.map(|()| fd)?),
            }
        }
    };
    take().context(|| format!("lock {}", path.display()))
}

/// The sum over the groups of a parent, less one.
fn sum(parent: &Place, except: Option<&Path>) -> Result<Promised, Failure> {
    let mut sum = Promised::default();
    let entries = match std::fs::read_dir(&parent.dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(sum),
        entries => entries.context(|| format!("list {}", parent.dir.display()))?,
    };
    for entry in entries.flatten() {
        let dir = entry.path();
        if except == Some(&dir) || !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        let version = parent.version;
        let of = of_group(&Place { version, dir })?;
        sum.min = sum.min.saturating_add(of.min);
        sum.low = sum.low.saturating_add(of.low);
    }
    Ok(sum)
}

/// Nothing for a group that has gone meanwhile.
fn of_group(place: &Place) -> Result<Promised, Failure> {
    // "max", which none of ours is, promises all there is.
    let bytes = |knob| -> Result<u64, Failure> {
        match place.read_if_there(knob)?.as_deref() {
            None => Ok(0),
            Some("max") => Ok(u64::MAX),
            Some(text) => place.parsed(knob, text),
        }
    };
    Ok(Promised {
        min: bytes(V2_MIN)?,
        low: bytes(V2_LOW)?,
    })
}

fn write(place: &Place, promised: Promised) -> Result<(), Failure> {
    place.write(V2_MIN, promised.min)?;
    place.write(V2_LOW, promised.low)
}

/// Makes the promise at least this.
fn raise(place: &Place, promised: Promised) -> Result<(), Failure> {
    let now = of_group(place)?;
    let higher = Promised {
        min: now.min.max(promised.min),
        low: now.low.max(promised.low),
    };
    write(place, higher)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plain::Plain;
    use veld_kernfs::mountinfo;

    /// A v2 tree with the groups `p/a`, `p/b` and `p/c`.
    fn scene(plain: &Plain) -> [Group; 3] {
        for dir in ["p", "p/a", "p/b", "p/c"] {
            for knob in [V2_MIN, V2_LOW] {
                plain.put(&format!("{dir}/{knob}"), "0");
            }
        }
        plain.put(&format!("p/{LOCKED}"), "");
        let mount = plain.dir.path().display();
        let table = format!("30 1 0:1 / {mount} rw - cgroup2 cgroup2 rw\n");
        let host = Host::from_mounts(&mountinfo::parse(&table), "0").unwrap();
        ["a", "b", "c"].map(|name| host.group("p", name))
    }

    fn tree() -> Plain {
        Plain::new(Version::V2, &[("cgroup.controllers", "memory\n")])
    }

    fn limits(min: Option<u64>, low: Option<u64>) -> Limits {
        Limits {
            memory_min: min,
            memory_low: low,
            ..Limits::default()
        }
    }

    #[test]
    fn the_parent_holds_the_sum() {
        let plain = tree();
        let [a, b, _] = scene(&plain);
        a.promise(&limits(Some(100), Some(7)), 1000).unwrap();
        b.promise(&limits(Some(50), None), 1000).unwrap();
        assert_eq!(plain.text("p/a/memory.min"), "100");
        assert_eq!(plain.text("p/memory.min"), "150");
        assert_eq!(plain.text("p/memory.low"), "7");
        for knob in ["p/memory.min", "p/a/memory.min"] {
            plain.put(knob, "1");
        }
        a.promise(&limits(None, None), 1000).unwrap();
        assert_eq!(plain.text("p/memory.min"), "50");
        assert_eq!(plain.text("p/memory.low"), "0");
        let promised = b.host.promised("p").unwrap();
        assert_eq!(promised, Some(Promised { min: 50, low: 0 }));
    }

    #[test]
    fn no_more_is_guaranteed_than_there_may_be() {
        let plain = tree();
        let [a, b, c] = scene(&plain);
        a.promise(&limits(Some(600), None), 1000).unwrap();
        let error = b.promise(&limits(Some(500), None), 1000).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot guarantee 500 bytes of memory: 600 are guaranteed to others, \
             and 1000 may be in all"
        );
        assert_eq!(plain.text("p/b/memory.min"), "0");
        assert_eq!(plain.text("p/memory.min"), "600");
        // Its own is not counted twice, and what is not guaranteed is not bounded.
        a.promise(&limits(Some(1000), None), 1000).unwrap();
        c.promise(&limits(None, Some(5000)), 1000).unwrap();
        assert_eq!(plain.text("p/memory.low"), "5000");
    }

    #[test]
    fn the_sum_is_right_after_a_group_is_gone() {
        let plain = tree();
        let [a, b, _] = scene(&plain);
        a.promise(&limits(Some(600), None), 1000).unwrap();
        b.promise(&limits(Some(100), None), 1000).unwrap();
        std::fs::remove_dir_all(plain.dir.path().join("p/a")).unwrap();
        a.withdraw().unwrap();
        assert_eq!(plain.text("p/memory.min"), "100");
    }

    #[test]
    fn nobody_waits_for_ever_for_another_promise() {
        let plain = tree();
        let [a, ..] = scene(&plain);
        let parent = a.parent_place(&a.protected_place().unwrap()).unwrap();
        let held = lock(&parent, Duration::ZERO).unwrap();
        let late = lock(&parent, Duration::from_millis(2)).unwrap_err();
        assert_eq!(late.kind(), io::ErrorKind::TimedOut);
        assert_eq!(
            veld_sys::chain(&late),
            format!(
                "cannot lock {}: another has held it for 2 ms",
                parent.path(LOCKED).display()
            )
        );
        drop(held);
        lock(&parent, Duration::ZERO).unwrap();
    }
}
