//! Sizes of the kernel that all guests share.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use veld_sys::{Context, Failure};

/// One such size.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit {
    /// Its name, as sysctl(8) has it.
    pub(crate) name: &'static str,
    /// What a host without guests wants of it.
    base: u64,
    /// What each guest takes besides.
    per_guest: u64,
    /// The most that the kernel takes for it.
    most: u64,
    /// What it limits.
    what: &'static str,
}

/// A guest with Debian's systemd that idles has 8 processes, 90 open files, a terminal and
/// 6 neighbours in IPv6, of which 3 are permanent, which do not count since Linux 5.0; in
/// IPv4 all 2 are. A guest is there to work, so each gets several times as much.
///
/// What is not here: key rings, which a VE has none of; the queues of sockets and the
/// tables of message queues and shared memory, of which each VE has its own.
///
/// What the kernel counts per creator of a user namespace, as inotify instances, it
/// counts for each guest alone, so one guest's need is enough for any number of them.
const LIMITS: [Limit; 15] = [
    neighbours("net.ipv4.neigh.default.gc_thresh1", [0, 2]),
    neighbours("net.ipv4.neigh.default.gc_thresh2", [256, 4]),
    neighbours("net.ipv4.neigh.default.gc_thresh3", [512, 8]),
    neighbours("net.ipv6.neigh.default.gc_thresh1", [0, 2]),
    neighbours("net.ipv6.neigh.default.gc_thresh2", [256, 4]),
    neighbours("net.ipv6.neigh.default.gc_thresh3", [512, 8]),
    limit(
        "net.netfilter.nf_conntrack_max",
        [32_768, 256],
        "connections that are masqueraded or published",
    ),
    limit(
        "net.netfilter.nf_conntrack_buckets",
        [8192, 64],
        "how fast one of those is found",
    ),
    Limit {
        most: 4_194_304,
        ..limit("kernel.pid_max", [4096, 64], "processes and threads")
    },
    limit("kernel.threads-max", [4096, 64], "processes and threads"),
    // The host keeps `kernel.pty.reserve` for itself.
    limit("kernel.pty.max", [1024, 4], "terminals"),
    limit("fs.file-max", [65_536, 2048], "open files"),
    limit(
        "fs.inotify.max_user_instances",
        [128, 0],
        "watchers of files, of one VE",
    ),
    limit(
        "fs.inotify.max_user_watches",
        [8192, 0],
        "watched files, of one VE",
    ),
    limit(
        "fs.aio-max-nr",
        [16_384, 128],
        "asynchronous requests to disks",
    ),
];

const fn limit(name: &'static str, [base, per_guest]: [u64; 2], what: &'static str) -> Limit {
    Limit {
        name,
        base,
        per_guest,
        most: u64::MAX,
        what,
    }
}

/// Up to the first threshold the kernel keeps neighbours that it has not met for long, past
/// the second only for five seconds, and past the third it takes no new ones.
const fn neighbours(name: &'static str, [base, per_guest]: [u64; 2]) -> Limit {
    limit(name, [base, per_guest], "neighbours that are known")
}

/// A size, and what it is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// Its name, as sysctl(8) has it.
    pub name: &'static str,
    /// What it limits.
    pub what: &'static str,
    /// What it is.
    pub current: u64,
    /// What so many guests need.
    pub needed: u64,
    /// How many guests it is enough for; none where their number does not matter.
    pub enough_for: Option<u64>,
}

impl Reading {
    /// Whether it is enough.
    #[must_use]
    pub fn is_enough(&self) -> bool {
        self.current >= self.needed
    }
}

/// Reads every size that this kernel has, from files below `root`, which is `/`.
///
/// # Errors
/// Names the file that could not be read or holds no number.
///
/// # Kernel
/// proc_sys(5); ip-sysctl.rst, nf_conntrack-sysctl.rst.
pub fn limits(root: &Path, guests: u64) -> Result<Vec<Reading>, Failure> {
    let readings = LIMITS.iter().map(|limit| limit.read(root, guests));
    readings.filter_map(Result::transpose).collect()
}

impl Limit {
    fn read(&self, root: &Path, guests: u64) -> Result<Option<Reading>, Failure> {
        let Some(current) = read_number(&path(root, self.name))? else {
            return Ok(None);
        };
        let guests_need = self.per_guest.saturating_mul(guests);
        Ok(Some(Reading {
            name: self.name,
            what: self.what,
            current,
            needed: self.base.saturating_add(guests_need).min(self.most),
            enough_for: current
                .saturating_sub(self.base)
                .checked_div(self.per_guest),
        }))
    }
}

/// The file of a size; none of these has a link's name in its own.
pub(crate) fn path(root: &Path, name: &str) -> PathBuf {
    root.join("proc/sys").join(name.replace('.', "/"))
}

/// The number in a file: none where this kernel, or this network namespace, has no such
/// file.
pub(crate) fn read_number(path: &Path) -> Result<Option<u64>, Failure> {
    let text = match veld_kernfs::read(path) {
        Ok(text) => text,
        Err(missing) if missing.kind() == ErrorKind::NotFound => return Ok(None),
        Err(failure) => return Err(failure),
    };
    let number = text.parse().map_err(|_| ErrorKind::InvalidData.into());
    let number: Result<u64, std::io::Error> = number;
    number
        .map(Some)
        .context(|| format!("read a number from {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::note::tests::tree;

    #[test]
    fn what_is_too_small_says_for_how_many_it_is_enough() {
        let root = tree(&[
            ("proc/sys/kernel/pid_max", "32768\n"),
            ("proc/sys/fs/inotify/max_user_instances", "64\n"),
        ]);
        let readings = limits(root.path(), 1000).unwrap();
        let [pids, inotify] = readings.as_slice() else {
            panic!("{readings:?}");
        };
        assert_eq!(pids.name, "kernel.pid_max");
        assert_eq!((pids.current, pids.needed), (32_768, 68_096));
        assert_eq!(pids.enough_for, Some(448));
        assert!(!pids.is_enough());
        assert_eq!((inotify.needed, inotify.enough_for), (128, None));
        assert!(!inotify.is_enough());
        let readings = limits(root.path(), 448).unwrap();
        assert!(readings[0].is_enough());
        let readings = limits(root.path(), u64::MAX).unwrap();
        assert_eq!(readings[0].needed, 4_194_304, "no kernel takes more");
    }

    #[test]
    fn names_are_each_once_and_thresholds_in_order() {
        let names: std::collections::BTreeSet<&str> =
            LIMITS.iter().map(|limit| limit.name).collect();
        assert_eq!(names.len(), LIMITS.len());
        for family in LIMITS[..6].chunks(3) {
            assert!(family.is_sorted_by_key(|limit| (limit.base, limit.per_guest)));
        }
    }

    #[test]
    fn this_machine_can_be_read_and_nonsense_cannot() {
        let readings = limits(Path::new("/"), 1).unwrap();
        assert!(readings.iter().any(|it| it.name == "kernel.pid_max"));
        let root = tree(&[("proc/sys/kernel/pid_max", "many\n")]);
        let failure = limits(root.path(), 1).unwrap_err();
        let file = root.path().join("proc/sys/kernel/pid_max");
        let text = format!("cannot read a number from {}", file.display());
        assert_eq!(failure.to_string(), text);
    }
}
