//! Processes as /proc of the machine shows them.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::{Pid, Signal, kill_process};

/// One process in a line.
#[derive(Debug, Clone)]
pub(crate) struct Process {
    pub(crate) pid: i32,
    pub(crate) parent: i32,
    /// It is a zombie: nothing is left but its status.
    pub(crate) ended: bool,
}

/// All processes of the machine.
pub(crate) fn all() -> Vec<Process> {
    let entries = fs::read_dir("/proc").unwrap();
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(process)
        .collect()
}

/// Nothing for one that has gone meanwhile.
fn process(pid: i32) -> Option<Process> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may hold anything, so fields count from the last parenthesis.
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ');
    let state = fields.next()?;
    Some(Process {
        pid,
        ended: matches!(state, "Z" | "X"),
        parent: fields.next()?.parse().ok()?,
    })
}

/// Whether a process lives: it is there and not a zombie.
#[must_use]
pub fn alive(pid: i32) -> bool {
    process(pid).is_some_and(|process| !process.ended)
}

/// Sends a signal to a process of the machine's; one that is gone is fine.
///
/// # Panics
/// For numbers that are no process's.
pub fn signal(pid: i32, signal: Signal) {
    assert!(pid > 1, "{pid} is not a process of a test");
    let _ = kill_process(Pid::from_raw(pid).unwrap(), signal);
}

/// The namespace of a kind (`net`, `mnt` …) that a process is in, as a text that
/// is the same for all in it; empty where it has gone.
#[must_use]
pub fn namespace(pid: i32, kind: &str) -> String {
    fs::read_link(format!("/proc/{pid}/ns/{kind}"))
        .map(|link| link.display().to_string())
        .unwrap_or_default()
}

/// A line of /proc/PID/status without its key.
///
/// # Panics
/// Where the process has gone or has no such line.
#[must_use]
pub fn status_field(pid: i32, key: &str) -> String {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let found = text
        .lines()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
    found
        .unwrap_or_else(|| panic!("no {key} of process {pid}"))
        .trim()
        .to_owned()
}

/// The environment that a process was executed with, a variable each; empty for
/// one that has gone.
#[must_use]
pub fn environment(pid: i32) -> Vec<String> {
    let bytes = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    bytes
        .split(|&byte| byte == 0)
        .filter(|variable| !variable.is_empty())
        .map(|variable| String::from_utf8_lossy(variable).into_owned())
        .collect()
}

/// The groups that a process is in, a path for each hierarchy.
pub(crate) fn groups(pid: i32) -> Vec<PathBuf> {
    let text = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("cgroup"));
    text.unwrap_or_default()
        .lines()
        .filter_map(|line| Some(PathBuf::from(line.splitn(3, ':').nth(2)?)))
        .collect()
}
