//! Files of the kernel that hold one value: /proc, /sys, the cgroup trees.
//!
//! A write is one `write(2)` of the whole value, and its error names value and
//! path. Values are read whole and trimmed. The crate knows no particular file
//! but `/proc/self/mountinfo`, whose fields [`mountinfo`] parses.
//!
//! What this crate must not know: what any value means.

pub mod mountinfo;

use std::fmt::Display;
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use veld_sys::{Context, Failure, fault};

/// Longer than most of these files.
const READ: usize = 8192;

/// Writes `value` to the existing file at `path` in one call.
///
/// # Errors
/// Whatever open(2) or the file's own write handler says, with value and path.
pub fn write(path: &Path, value: impl Display) -> Result<(), Failure> {
    let value = value.to_string();
    fault::point("write kernel file")
        .and_then(|()| {
            File::options()
                .write(true)
                .open(path)?
                .write_all(value.as_bytes())
        })
        .context(|| format!("write {value} to {}", path.display()))
}

/// Reads the file at `path`, without white space at the end.
///
/// # Errors
/// Whatever open(2) or read(2) says, with the path; InvalidData where the file
/// is not UTF-8.
pub fn read(path: &Path) -> Result<String, Failure> {
    let mut text = read_all(path).context(|| format!("read {}", path.display()))?;
    text.truncate(text.trim_end().len());
    Ok(text)
}

/// These files say that they are empty, so the standard library would feel its
/// way with reads of a few bytes, each of which makes the kernel compose the
/// whole text again.
fn read_all(path: &Path) -> std::io::Result<String> {
    let mut bytes = Vec::with_capacity(READ);
    File::open(path)?.take(u64::MAX).read_to_end(&mut bytes)?;
    String::from_utf8(bytes).map_err(|_| std::io::ErrorKind::InvalidData.into())
}

/// The value of `key` in a file of `key value` lines, as cgroup.events and
/// memory.stat are.
#[must_use]
pub fn keyed<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.lines()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix(' '))
}

/// All memory of this machine, in bytes.
///
/// # Errors
/// InvalidData where the file does not say.
///
/// # Kernel
/// proc_meminfo(5), `MemTotal` in KiB.
pub fn memory_total() -> Result<u64, Failure> {
    let path = Path::new("/proc/meminfo");
    let text = read(path)?;
    let total = text.lines().find_map(|line| {
        let kib: u64 = line
            .strip_prefix("MemTotal:")?
            .trim()
            .strip_suffix(" kB")?
            .parse()
            .ok()?;
        kib.checked_mul(1024)
    });
    total
        .ok_or_else(|| std::io::Error::from(std::io::ErrorKind::InvalidData))
        .context(|| format!("find MemTotal in {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_names_value_and_path() {
        let error = write(Path::new("/proc/no-such-knob"), 64).unwrap_err();
        assert_eq!(error.to_string(), "cannot write 64 to /proc/no-such-knob");
        assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
    }

    #[test]
    fn keyed_finds_whole_keys_only() {
        let text = "oom 1\noom_kill 7\n";
        assert_eq!(keyed(text, "oom_kill"), Some("7"));
        assert_eq!(keyed(text, "oom"), Some("1"));
        assert_eq!(keyed(text, "kill"), None);
    }

    #[test]
    fn this_machine_has_memory() {
        assert!(memory_total().unwrap() > 1 << 20);
    }

    #[test]
    fn a_read_is_trimmed() {
        assert_eq!(read(Path::new("/proc/sys/kernel/ostype")).unwrap(), "Linux");
    }
}
