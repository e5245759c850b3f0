//! Groups in every hierarchy that is mounted, found without the product's help.

use std::fs;
use std::path::{Path, PathBuf};

use crate::tree::entries;

/// The group of a VE's shim within the VE's.
const SHIM: &str = "shim";

/// A group by its path below the root of each hierarchy.
#[derive(Debug, Clone)]
pub struct Cgroup {
    /// Its directory in each hierarchy, whether it is there or not.
    directories: Vec<PathBuf>,
}

impl Cgroup {
    /// The group at `path` below each root.
    #[must_use]
    pub fn at(path: &str) -> Self {
        Self {
            directories: roots().iter().map(|root| root.join(path)).collect(),
        }
    }

    /// The directories that are there.
    #[must_use]
    pub fn present(&self) -> Vec<&Path> {
        let all = self.directories.iter().map(PathBuf::as_path);
        all.filter(|directory| directory.is_dir()).collect()
    }

    /// The directories that are not there.
    #[must_use]
    pub fn absent(&self) -> Vec<&Path> {
        let all = self.directories.iter().map(PathBuf::as_path);
        all.filter(|directory| !directory.is_dir()).collect()
    }

    /// What the first of these files that there is holds: a knob has one name
    /// on v1 and another on v2.
    #[must_use]
    pub fn knob(&self, names: &[&str]) -> Option<String> {
        names.iter().find_map(|name| {
            // On v2 processes are limited where they are, which is one group below.
            let below = if name.starts_with("pids.") { "ve" } else { "" };
            let files = self.directories.iter().map(|directory| {
                let inner = directory.join(below).join(name);
                if inner.exists() {
                    inner
                } else {
                    directory.join(name)
                }
            });
            let text = files
                .into_iter()
                .find_map(|file| fs::read_to_string(file).ok())?;
            Some(text.trim_end().to_owned())
        })
    }

    /// Whether a controller is on a v1 hierarchy of this host.
    #[must_use]
    pub fn is_v1(&self, controller: &str) -> bool {
        let table = fs::read_to_string("/proc/self/mountinfo").unwrap();
        table.lines().any(|line| {
            let about = line.split_once(" - ").map(|(_, about)| about);
            let mut about = about.unwrap_or_default().split(' ');
            let is_v1 = about.next() == Some("cgroup");
            let options = about.nth(1).unwrap_or_default();
            is_v1 && options.split(',').any(|option| option == controller)
        })
    }

    /// The processes in the group and all below it, in any hierarchy, but for the
    /// shims of VEs.
    #[must_use]
    pub fn processes(&self) -> Vec<i32> {
        let is_shims = |group: &&PathBuf| group.ends_with(SHIM);
        let groups = self.groups();
        Self::listed(groups.iter().filter(|group| !is_shims(group)))
    }

    /// The shims of VEs in the group and all below it, in any hierarchy.
    #[must_use]
    pub fn shims(&self) -> Vec<i32> {
        let groups = self.groups();
        Self::listed(groups.iter().filter(|group| group.ends_with(SHIM)))
    }

    fn listed<'a>(groups: impl Iterator<Item = &'a PathBuf>) -> Vec<i32> {
        let mut pids: Vec<i32> = groups
            .filter_map(|group| fs::read_to_string(group.join("cgroup.procs")).ok())
            .flat_map(|text| {
                let numbers = text.lines().filter_map(|line| line.parse().ok());
                numbers.collect::<Vec<i32>>()
            })
            .collect();
        pids.sort_unstable();
        pids.dedup();
        pids
    }

    /// The group and all below it in each hierarchy, those above first.
    pub(crate) fn groups(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut pending: Vec<PathBuf> = self
            .present()
            .iter()
            .map(|path| (*path).to_owned())
            .collect();
        while let Some(directory) = pending.pop() {
            pending.extend(entries(&directory).into_iter().filter(|path| path.is_dir()));
            found.push(directory);
        }
        found
    }
}

/// Where the hierarchies are mounted as a whole and for writing.
fn roots() -> Vec<PathBuf> {
    let table = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let mut roots: Vec<PathBuf> = table.lines().filter_map(root).collect();
    roots.sort();
    roots.dedup();
    roots
}

/// # Kernel
/// proc_pid_mountinfo(5): root and mount point are fields 4 and 5, the type is
/// the one behind the hyphen.
fn root(line: &str) -> Option<PathBuf> {
    let (mount, about) = line.split_once(" - ")?;
    let mut fields = mount.split(' ').skip(3);
    let whole = fields.next()? == "/";
    let point = fields.next()?;
    let writable = fields.next()?.split(',').any(|option| option == "rw");
    let kind = about.split(' ').next()?;
    (whole && writable && matches!(kind, "cgroup" | "cgroup2")).then(|| PathBuf::from(point))
}
