//! The record of a running VE: who its processes are.

use std::collections::BTreeMap;
use std::path::Path;

use veld_durable::Life;
use veld_protocol::restart::Policy;
use veld_protocol::stamp::Stamp;
use veld_sys::{Context, Failure};

use crate::process::Process;

/// What the launcher leaves for later commands.
///
/// Lines of `key value`; a key that is not known is passed over, so that an
/// older command reads a newer one's record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// PID 1 of the VE.
    pub init: Process,
    /// The launcher, which becomes the shim.
    pub shim: Process,
    /// When PID 1 was let go, by the host's wall clock.
    pub started: Stamp,
    /// The how manyeth start in a row this is after ends that came soon; 0 for
    /// the first.
    pub restarts: u32,
    /// What the VE's config said of restarts at its start.
    pub policy: Policy,
    /// The /dev that it was started with: device and inode. None on the record
    /// of an older veld.
    pub dev: Option<(u64, u64)>,
}

impl Record {
    /// Writes the record to `path`.
    ///
    /// # Errors
    /// Names the path.
    pub fn write(&self, path: &Path) -> Result<(), Failure> {
        veld_durable::replace(path, self.to_text().as_bytes(), Life::Volatile)
    }

    /// Reads the record at `path`.
    ///
    /// # Errors
    /// NotFound where there is none; InvalidData where it says nothing sensible.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(path).context(|| format!("read {}", path.display()))?;
        let damaged = || std::io::Error::from(std::io::ErrorKind::InvalidData);
        Self::parse(&text)
            .ok_or_else(damaged)
            .context(|| format!("parse {}", path.display()))
    }

    fn to_text(self) -> String {
        let dev = self.dev.map_or_else(String::new, |(device, inode)| {
            format!("dev {device}:{inode}\n")
        });
        format!(
            "init-pid {}\ninit-born {}\nshim-pid {}\nshim-born {}\nstarted {}\n\
             restarts {}\npolicy {}\n{dev}",
            self.init.pid,
            self.init.born,
            self.shim.pid,
            self.shim.born,
            self.started,
            self.restarts,
            self.policy
        )
    }

    fn parse(text: &str) -> Option<Self> {
        let pairs: BTreeMap<&str, &str> = text
            .lines()
            .filter_map(|line| line.split_once(' '))
            .collect();
        let process = |pid: &str, born: &str| {
            Some(Process {
                pid: pairs.get(pid)?.parse().ok()?,
                born: pairs.get(born)?.parse().ok()?,
            })
        };
        Some(Self {
            init: process("init-pid", "init-born")?,
            shim: process("shim-pid", "shim-born")?,
            started: pairs.get("started")?.parse().ok()?,
            // Of an older veld's record, which has neither.
            restarts: pairs
                .get("restarts")
                .and_then(|number| number.parse().ok())
                .unwrap_or_default(),
            policy: pairs
                .get("policy")
                .and_then(|word| word.parse().ok())
                .unwrap_or_default(),
            dev: pairs.get("dev").and_then(|text| {
                let (device, inode) = text.split_once(':')?;
                Some((device.parse().ok()?, inode.parse().ok()?))
            }),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_reads_back_as_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("record");
        let record = Record {
            init: Process { pid: 7, born: 70 },
            shim: Process { pid: 6, born: 60 },
            started: Stamp {
                seconds: 1_700_000_000,
                nanos: 5,
            },
            restarts: 2,
            policy: Policy::Always,
            dev: Some((42, 7)),
        };
        record.write(&path).unwrap();
        assert_eq!(Record::read(&path).unwrap(), record);
    }

    #[test]
    fn half_a_record_is_none_and_more_is_fine() {
        assert_eq!(Record::parse("init-pid 7\n"), None);
        let text = "init-pid 7\ninit-born 1\nshim-pid 6\nshim-born 2\nstarted 5.0\ncolour red\n";
        assert!(Record::parse(text).is_some());
    }
}
