//! What is left of VEs, asked of the kernel and never of the product.

use std::fs;
use std::path::Path;

use crate::cgroups::Cgroup;
use crate::cleanup::Remains;
use crate::links;
use crate::processes;
use crate::tree::entries;

/// What may stay in a data directory: where the next number is looked for, and
/// locks; in a run directory the lock on the server of names.
const MAY_STAY: [&str; 4] = ["ids/next", "ids/lock", ".names/lock", "trash/.lock"];
/// What is made of templates once stays as long as they do.
const KEPT: [&str; 2] = ["bases", "images"];
/// Directories that stay.
const FIXED: [&str; 11] = [
    "bases",
    "images",
    "layers",
    "trash",
    "volumes",
    "ids",
    "ve",
    "addresses",
    ".names",
    ".names/hosts",
    ".names/users",
];
/// The one table of rules, which is the host's and names no VE.
const TABLES: [&str; 2] = ["table inet veld {", "table bridge veld {"];
/// Links that stay once they were needed, as the tables do.
const LINKS: [&str; 2] = ["lo", "veldbr"];

/// A line for each thing of the kernel's.
pub(crate) fn remains(of: &Remains) -> Vec<String> {
    let mut left = Vec::new();
    let mounts = mounts(&of.directory).into_iter();
    left.extend(
        mounts
            .filter(|point| !of.data.starts_with(point))
            .map(|point| format!("mount {point}")),
    );
    let groups = Cgroup::at(&of.cgroup_parent);
    left.extend(
        groups
            .present()
            .iter()
            .map(|path| format!("cgroup {}", path.display())),
    );
    let links = links::links();
    left.extend(
        links
            .iter()
            .filter(|name| !LINKS.contains(&name.as_str()))
            .map(|name| format!("link {name}")),
    );
    left.extend(rules(&links::rules()));
    left.extend(
        loop_devices(&of.directory)
            .iter()
            .map(|device| format!("loop device {device}")),
    );
    for pid in of.processes() {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        left.push(format!("process {pid} ({})", line.trim_end()));
    }
    left
}

/// Mount points at or below a directory, as PID 1 of the machine sees them, the
/// deepest first.
pub(crate) fn mounts(directory: &Path) -> Vec<String> {
    let table = fs::read_to_string("/proc/1/mountinfo").unwrap();
    let mut points: Vec<String> = table
        .lines()
        .filter_map(|line| line.split(' ').nth(4))
        .filter(|point| Path::new(point).starts_with(directory))
        .map(str::to_owned)
        .collect();
    points.reverse();
    points
}

/// Loop devices of files below a directory.
pub(crate) fn loop_devices(directory: &Path) -> Vec<String> {
    let devices = entries(Path::new("/sys/block")).into_iter();
    let ours = devices.filter_map(|device| {
        let file = fs::read_to_string(device.join("loop/backing_file")).ok()?;
        let name = device.file_name()?.to_str()?.to_owned();
        Path::new(file.trim_end())
            .starts_with(directory)
            .then_some(name)
    });
    ours.collect()
}

/// Tables besides Veld's own, and lines of those that name a VE's link.
fn rules(ruleset: &str) -> Vec<String> {
    let named = |line: &&str| {
        line.split("\"veld")
            .skip(1)
            .any(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    let foreign = |line: &&str| line.starts_with("table ") && !TABLES.contains(line);
    ruleset
        .lines()
        .filter(|line| named(line) || foreign(line))
        .map(|line| format!("nft {}", line.trim()))
        .collect()
}

/// Files below a directory, and directories but for the fixed ones.
pub(crate) fn files(directory: &Path) -> Vec<String> {
    let mut left = Vec::new();
    let mut pending = entries(directory);
    while let Some(path) = pending.pop() {
        let is_directory = fs::symlink_metadata(&path).is_ok_and(|about| about.is_dir());
        let made_once = KEPT.iter().any(|name| directory.join(name) == path);
        if is_directory && !made_once {
            pending.extend(entries(&path));
        }
        let fixed = MAY_STAY
            .iter()
            .chain(&FIXED)
            .any(|name| directory.join(name) == path);
        if !fixed {
            left.push(format!("file {}", path.display()));
        }
    }
    left
}

impl Remains {
    /// Processes that work for this host or run in one of its VEs.
    pub(crate) fn processes(&self) -> Vec<i32> {
        let config = format!("VELD_CONFIG={}", self.directory.join("veld.toml").display());
        let parent = Path::new("/").join(&self.cgroup_parent);
        let me = std::process::id().cast_signed();
        let ours = |process: &processes::Process| {
            let pid = process.pid;
            let in_group = || {
                processes::groups(pid)
                    .iter()
                    .any(|group| group.starts_with(&parent))
            };
            let told = || processes::environment(pid).contains(&config);
            !process.ended && pid != me && (in_group() || told())
        };
        processes::all()
            .iter()
            .filter(|process| ours(process))
            .map(|process| process.pid)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hosts_own_rules_are_no_leak_and_others_are() {
        let own = "table inet veld {\n\tchain forward {\n\t\tiifname \"veld*\" accept\n\t}\n}\n";
        assert_eq!(rules(own), Vec::<String>::new());
        let left = "table inet veld {\n\t\tiifname \"veld101\" drop\n}\ntable ip nat {\n}\n";
        assert_eq!(
            rules(left),
            ["nft iifname \"veld101\" drop", "nft table ip nat {"]
        );
    }

    #[test]
    fn fixed_directories_are_no_leak_and_files_are() {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path();
        fs::create_dir_all(data.join("ve")).unwrap();
        for name in FIXED {
            fs::create_dir_all(data.join(name)).unwrap();
        }
        for name in MAY_STAY {
            fs::write(data.join(name), "102").unwrap();
        }
        assert_eq!(files(data), Vec::<String>::new());
        fs::write(data.join("ids/101"), "").unwrap();
        fs::create_dir(data.join("ve/.web1.gone")).unwrap();
        assert_eq!(files(data).len(), 2);
    }
}
