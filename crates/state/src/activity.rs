//! What processes do and use, and what they call themselves.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use veld_sys::process::{Forked, exit_now, fork};
use veld_sys::{Context, Failure};

/// A process at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activity {
    /// Its number on the host.
    pub pid: i32,
    /// Its number in the pid namespace right below the host's, if it is in one.
    pub pid_inside: Option<i32>,
    /// When it was born, in clock ticks since boot: with the number it is one process.
    pub born: u64,
    /// Its effective user, as the host numbers it.
    pub user: u32,
    /// Its name, which it may have chosen.
    pub name: String,
    /// The kernel's letter: R, S, D, T, t, Z.
    pub state: char,
    /// CPU time that it has used, in microseconds.
    pub cpu_usec: u64,
    /// Memory that it has mapped and that is there, in bytes.
    pub resident_bytes: u64,
}

/// The kernel tells user space of hundredths of a second, however it counts.
const TICK_USEC: u64 = 10_000;

/// What this process does; none where it has ended.
///
/// # Kernel
/// proc_pid_stat(5), fields 3, 14, 15 and 22; proc_pid_status(5), `Uid`, `VmRSS` and
/// `NSpid`, Linux 4.1. Neither waits for the process.
#[must_use]
pub fn activity(pid: i32) -> Option<Activity> {
    let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    let status = veld_kernfs::read(Path::new(&format!("/proc/{pid}/status")));
    parse(
        pid,
        &String::from_utf8_lossy(&stat),
        &status.unwrap_or_default(),
    )
}

fn parse(pid: i32, stat: &str, status: &str) -> Option<Activity> {
    // The name may hold anything, so it ends at the last parenthesis.
    let (before, after) = stat.rsplit_once(") ")?;
    let (_, name) = before.split_once('(')?;
    let fields: Vec<&str> = after.split_ascii_whitespace().collect();
    // The first of them is field 3.
    let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
    let line = |key: &str| {
        let mut lines = status.lines();
        lines.find_map(|line| line.strip_prefix(key))
    };
    let word = |key: &str, index: usize| line(key)?.split_ascii_whitespace().nth(index);
    Some(Activity {
        pid,
        pid_inside: word("NSpid:", 1).and_then(|word| word.parse().ok()),
        born: number(22)?,
        user: word("Uid:", 1)?.parse().ok()?,
        name: name.to_owned(),
        state: fields.first()?.chars().next()?,
        cpu_usec: number(14)?
            .saturating_add(number(15)?)
            .saturating_mul(TICK_USEC),
        resident_bytes: word("VmRSS:", 0)
            .and_then(|word| word.parse::<u64>().ok())
            .map_or(0, |kib| kib.saturating_mul(1024)),
    })
}

/// How much of a command line is read.
const LONGEST: usize = 1024;
/// How long a killed process may take to go.
const DYING: Duration = Duration::from_millis(200);

/// The command lines of these processes, arguments parted by blanks; of those that
/// have none (threads of the kernel, zombies, whoever emptied it) nothing. All of it is a
/// stranger's text.
///
/// To read one the kernel takes a lock of the process's, which that may hold for
/// as long as it likes. So a child reads them, and what it has not said when `patience`
/// is over is not known.
///
/// # Errors
/// The child cannot be made.
///
/// # Kernel
/// proc_pid_cmdline(5).
pub fn command_lines(pids: &[i32], patience: Duration) -> Result<HashMap<i32, String>, Failure> {
    let deadline = Instant::now() + patience;
    let (reader, writer) = std::io::pipe().context(|| "create a pipe")?;
    match fork().context(|| "create a process that reads command lines")? {
        Forked::Child => {
            drop(reader);
            let mut writer = File::from(OwnedFd::from(writer));
            let said = pids.iter().try_for_each(|pid| say(&mut writer, *pid));
            exit_now(i32::from(said.is_err()))
        }
        Forked::Parent(child) => {
            drop(writer);
            let said = hear(&mut File::from(OwnedFd::from(reader)), deadline);
            child.end(DYING);
            Ok(spelled(&said))
        }
    }
}

/// Writes a process's number, the length of its command line, and that.
fn say(writer: &mut File, pid: i32) -> std::io::Result<()> {
    let mut line = Vec::new();
    if let Ok(file) = File::open(format!("/proc/{pid}/cmdline")) {
        let most = u64::try_from(LONGEST).unwrap_or(u64::MAX);
        // What was read before it failed is as good.
        let _ = file.take(most).read_to_end(&mut line);
    }
    let length = u32::try_from(line.len()).unwrap_or(0);
    let head = [pid.to_ne_bytes(), length.to_ne_bytes()].concat();
    writer.write_all(&[head, line].concat())
}

fn hear(reader: &mut File, deadline: Instant) -> Vec<u8> {
    let mut said = Vec::new();
    let mut part = vec![0; 1 << 16];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let patience = Timespec::try_from(left).unwrap_or_default();
        let mut fds = [PollFd::from_borrowed_fd(reader.as_fd(), PollFlags::IN)];
        match poll(&mut fds, Some(&patience)) {
            Err(rustix::io::Errno::INTR) => continue,
            Ok(1..) => {}
            Ok(0) | Err(_) => return said,
        }
        match reader.read(&mut part) {
            Ok(length @ 1..) => said.extend_from_slice(part.get(..length).unwrap_or_default()),
            Ok(0) | Err(_) => return said,
        }
    }
}

/// What was said to its end; a part of a line at the end is left out.
fn spelled(mut said: &[u8]) -> HashMap<i32, String> {
    let mut lines = HashMap::new();
    while let Some((pid, rest)) = said.split_first_chunk() {
        let Some((length, rest)) = rest.split_first_chunk() else {
            break;
        };
        let length = usize::try_from(u32::from_ne_bytes(*length)).unwrap_or(usize::MAX);
        let Some((line, rest)) = rest.split_at_checked(length) else {
            break;
        };
        let text = String::from_utf8_lossy(line).replace('\0', " ");
        let text = text.trim_end();
        if !text.is_empty() {
            lines.insert(i32::from_ne_bytes(*pid), text.to_owned());
        }
        said = rest;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "7 (a) D (b) S 1 7 7 0 -1 4194560 9 0 0 0 12 30 0 0 20 0 1 0 4711 1 2";
    const STATUS: &str = "Name:\tx\nUid:\t1\t65536\t1\t1\nNSpid:\t7\t3\t1\nVmRSS:\t  12 kB\n";

    #[test]
    fn a_process_is_read_whatever_it_is_called() {
        let expected = Activity {
            pid: 7,
            pid_inside: Some(3),
            born: 4711,
            user: 65536,
            name: "a) D (b".to_owned(),
            state: 'S',
            cpu_usec: 420_000,
            resident_bytes: 12_288,
        };
        assert_eq!(parse(7, STAT, STATUS), Some(expected));
        let zombie = parse(7, STAT, "Uid:\t0\t0\t0\t0\n").unwrap();
        assert_eq!((zombie.resident_bytes, zombie.pid_inside), (0, None));
        for length in 0..STAT.len() - "4711 1 2".len() {
            assert_eq!(parse(7, &STAT[..length], STATUS), None, "{length}");
        }
    }

    #[test]
    fn half_of_what_was_said_is_no_line() {
        let mut said = Vec::new();
        for (pid, line) in [(7_i32, "a\0b c\0"), (8, ""), (9, "x")] {
            said.extend(pid.to_ne_bytes());
            said.extend(u32::try_from(line.len()).unwrap().to_ne_bytes());
            said.extend(line.as_bytes());
        }
        let lines = spelled(&said);
        assert_eq!((lines.len(), lines[&7].as_str()), (2, "a b c"));
        said.pop();
        assert_eq!(spelled(&said).len(), 1);
        said.truncate(6);
        assert!(spelled(&said).is_empty());
    }
}
