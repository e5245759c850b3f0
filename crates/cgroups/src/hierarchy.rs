//! One mounted hierarchy, and the knobs of one group in it.

use std::io;
use std::path::{Path, PathBuf};

use veld_kernfs::mountinfo::Mount;
use veld_sys::Failure;

use crate::error::vanished;

/// Which cgroup interface a hierarchy speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    V1,
    V2,
}

/// A mounted hierarchy and the controllers in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hierarchy {
    pub(crate) version: Version,
    pub(crate) mount: PathBuf,
    /// As the kernel names them; v1's named hierarchies have none.
    pub(crate) controllers: Vec<String>,
    /// The name of one of those.
    pub(crate) name: Option<String>,
}

/// The super options of a v1 hierarchy that are no controllers.
const V1_OPTIONS: [&str; 9] = [
    "rw",
    "ro",
    "xattr",
    "none",
    "noprefix",
    "clone_children",
    "cpuset_v2_mode",
    "favordynmods",
    "seclabel",
];

/// The hierarchies that `mounts` shows mounted for writing, each once: v1 by
/// mount point, v2 last.
pub(crate) fn find(mounts: &[Mount]) -> Result<Vec<Hierarchy>, Failure> {
    let mut candidates: Vec<&Mount> = mounts
        .iter()
        .filter(|mount| matches!(mount.fs_type.as_str(), "cgroup" | "cgroup2"))
        .filter(|mount| writable(mount))
        .collect();
    // A bind mount of a part comes after the mount of the whole.
    candidates.sort_by_key(|mount| (mount.root != Path::new("/"), &mount.mount_point));
    let mut v1: Vec<(Vec<&str>, Hierarchy)> = Vec::new();
    let mut v2 = None;
    for mount in candidates {
        if mount.fs_type == "cgroup2" {
            if v2.is_none() {
                v2 = Some(unified(mount)?);
            }
            continue;
        }
        let subsystems = subsystems(mount);
        if !v1.iter().any(|(known, _)| *known == subsystems) {
            let hierarchy = legacy(mount, &subsystems);
            v1.push((subsystems, hierarchy));
        }
    }
    let mut all: Vec<Hierarchy> = v1.into_iter().map(|(_, hierarchy)| hierarchy).collect();
    all.sort_by(|a, b| a.mount.cmp(&b.mount));
    all.extend(v2);
    Ok(all)
}

fn writable(mount: &Mount) -> bool {
    let read_only = |options: &str| options.split(',').any(|option| option == "ro");
    !read_only(&mount.options) && !read_only(&mount.super_options)
}

/// What tells one v1 hierarchy from another: its controllers, or its name.
fn subsystems(mount: &Mount) -> Vec<&str> {
    mount
        .super_options
        .split(',')
        .filter(|option| !V1_OPTIONS.contains(option) && !option.starts_with("release_agent="))
        .collect()
}

fn legacy(mount: &Mount, subsystems: &[&str]) -> Hierarchy {
    Hierarchy {
        version: Version::V1,
        mount: mount.mount_point.clone(),
        controllers: subsystems
            .iter()
            .filter(|name| !name.contains('='))
            .map(|name| (*name).to_owned())
            .collect(),
        name: subsystems
            .iter()
            .find_map(|option| option.strip_prefix("name="))
            .map(str::to_owned),
    }
}

fn unified(mount: &Mount) -> Result<Hierarchy, Failure> {
    let controllers = veld_kernfs::read(&mount.mount_point.join("cgroup.controllers"))?;
    Ok(Hierarchy {
        version: Version::V2,
        mount: mount.mount_point.clone(),
        controllers: words(&controllers),
        name: None,
    })
}

/// The words of a line, as cgroup.controllers is one.
pub(crate) fn words(line: &str) -> Vec<String> {
    line.split_ascii_whitespace().map(str::to_owned).collect()
}

impl Hierarchy {
    /// Whether groups that have the knob `sample` have the knob `knob` too.
    ///
    /// v2 shows no limit at the root, so the first groups are looked at; where
    /// none can tell, the answer is yes and a write has the last word.
    pub(crate) fn offers(&self, sample: &str, knob: &str) -> bool {
        has(&self.mount, sample, knob).unwrap_or_else(|| self.offers_below(sample, knob))
    }

    /// As [`Hierarchy::offers`] for a knob that the root has not even on v1.
    pub(crate) fn offers_below(&self, sample: &str, knob: &str) -> bool {
        let entries = std::fs::read_dir(&self.mount).into_iter().flatten();
        entries
            .flatten()
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
            .find_map(|entry| has(&entry.path(), sample, knob))
            .unwrap_or(true)
    }
}

/// Whether a group has a knob, where it has the controller that `sample` is of.
fn has(dir: &Path, sample: &str, knob: &str) -> Option<bool> {
    dir.join(sample).exists().then(|| dir.join(knob).exists())
}

/// The directory of one group in one hierarchy.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) version: Version,
    pub(crate) dir: PathBuf,
}

impl Place {
    pub(crate) fn path(&self, knob: &str) -> PathBuf {
        self.dir.join(knob)
    }

    pub(crate) fn write(&self, knob: &str, value: impl std::fmt::Display) -> Result<(), Failure> {
        veld_kernfs::write(&self.path(knob), value)
    }

    pub(crate) fn read(&self, knob: &str) -> Result<String, Failure> {
        veld_kernfs::read(&self.path(knob))
    }

    /// The value, or `None` where the knob (or its group) is not there.
    pub(crate) fn read_if_there(&self, knob: &str) -> Result<Option<String>, Failure> {
        match self.read(knob) {
            Ok(value) => Ok(Some(value)),
            Err(failure) if vanished(&failure) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// The number; `None` where the knob is not there or says that there is none.
    pub(crate) fn number(&self, knob: &str) -> Result<Option<u64>, Failure> {
        match self.read_if_there(knob)?.as_deref() {
            None | Some("max" | "-1") => Ok(None),
            Some(text) => self.parsed(knob, text).map(Some),
        }
    }

    pub(crate) fn parsed<T: std::str::FromStr>(
        &self,
        knob: &str,
        text: &str,
    ) -> Result<T, Failure> {
        text.parse().map_err(|_| {
            let path = self.path(knob);
            Failure::new(
                format!("understand {text} in {}", path.display()),
                io::Error::from(io::ErrorKind::InvalidData),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plain::Plain;
    use veld_kernfs::mountinfo::parse;

    #[test]
    fn hierarchies_are_found_by_type_and_options() {
        let table = "\
            40 30 0:1 / /a/systemd rw - cgroup cgroup rw,xattr,release_agent=/x,name=systemd\n\
            41 30 0:2 / /a/cpu rw - cgroup cgroup rw,cpu,cpuacct\n\
            42 30 0:2 /docker /bind rw - cgroup cgroup rw,cpu,cpuacct\n\
            43 30 0:3 / /a/memory ro - cgroup cgroup rw,memory\n\
            44 30 0:4 / /a/pids rw - tmpfs tmpfs rw,pids\n";
        let found = find(&parse(table)).unwrap();
        let seen: Vec<(&str, String)> = found
            .iter()
            .map(|found| (found.mount.to_str().unwrap(), found.controllers.join(" ")))
            .collect();
        let expected = [
            ("/a/cpu", "cpu cpuacct".to_owned()),
            ("/a/systemd", String::new()),
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn v2_comes_last_and_lists_its_controllers() {
        let plain = Plain::new(Version::V2, &[("cgroup.controllers", "cpu memory\n")]);
        let mount = plain.dir.path().display();
        let table = format!(
            "39 30 0:1 / {mount} rw - cgroup2 cgroup2 rw,nsdelegate\n\
             40 30 0:2 / /z/pids rw - cgroup cgroup rw,pids\n"
        );
        let found = find(&parse(&table)).unwrap();
        assert_eq!(found[0].controllers, ["pids"]);
        assert_eq!(found[1].version, Version::V2);
        assert_eq!(found[1].controllers, ["cpu", "memory"]);
    }
}
