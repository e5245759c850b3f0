//! The mount table of a process, by its fields.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

/// One line of /proc/PID/mountinfo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Identity of the mount; may be used again after an unmount.
    pub id: u64,
    /// Identity of the mount it is mounted on.
    pub parent: u64,
    /// Which directory of the file system is the root of this mount.
    pub root: PathBuf,
    /// Where it is mounted, as seen from the process's root.
    pub mount_point: PathBuf,
    /// Options of the mount, `ro,nosuid` and so on.
    pub options: String,
    /// File system type, as `overlay`.
    pub fs_type: String,
    /// What is mounted, as the file system names it.
    pub source: OsString,
    /// Options of the superblock.
    pub super_options: String,
}

/// Parses a whole table; lines that are not mount lines are left out.
///
/// # Kernel
/// proc_pid_mountinfo(5): fields up to a lone `-` are optional after the sixth;
/// space, tab, newline and backslash are octal escapes.
#[must_use]
pub fn parse(text: &str) -> Vec<Mount> {
    text.lines().filter_map(parse_line).collect()
}

fn parse_line(line: &str) -> Option<Mount> {
    let (head, tail) = line.split_once(" - ")?;
    let mut head = head.split(' ');
    let id = head.next()?.parse().ok()?;
    let parent = head.next()?.parse().ok()?;
    let _device = head.next()?;
    let root = PathBuf::from(unescape(head.next()?));
    let mount_point = PathBuf::from(unescape(head.next()?));
    let options = head.next()?.to_owned();
    let mut tail = tail.split(' ');
    Some(Mount {
        id,
        parent,
        root,
        mount_point,
        options,
        fs_type: tail.next()?.to_owned(),
        source: unescape(tail.next()?),
        super_options: tail.next().unwrap_or_default().to_owned(),
    })
}

/// Undoes `\040` and its kin.
fn unescape(field: &str) -> OsString {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let escaped = (byte == b'\\').then(|| octal(tail)).flatten();
        bytes.push(escaped.unwrap_or(byte));
        rest = match escaped {
            Some(_) => tail.get(3..).unwrap_or_default(),
            None => tail,
        };
    }
    OsString::from_vec(bytes)
}

fn octal(digits: &[u8]) -> Option<u8> {
    let digits = std::str::from_utf8(digits.get(..3)?).ok()?;
    u8::from_str_radix(digits, 8).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn optional_fields_and_escapes_are_understood() {
        let line = "36 35 98:0 /mnt\\0401 /mnt2 rw,noatime master:1 shared:2 - ext3 /dev/root rw,errors=continue";
        let mounts = parse(line);
        assert_eq!(mounts.len(), 1);
        assert_eq!(mounts[0].root, PathBuf::from("/mnt 1"));
        assert_eq!(mounts[0].mount_point, PathBuf::from("/mnt2"));
        assert_eq!(mounts[0].fs_type, "ext3");
        assert_eq!(mounts[0].super_options, "rw,errors=continue");
    }

    #[test]
    fn the_table_of_this_process_has_a_root() {
        let text = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
        let mounts = parse(&text);
        assert_eq!(mounts.len(), text.lines().count());
        assert!(
            mounts
                .iter()
                .any(|mount| mount.mount_point.as_os_str() == "/")
        );
    }

    #[test]
    fn nonsense_is_left_out() {
        assert_eq!(parse("\n- \n1 2 3\n36 x 98:0 / / rw - ext3 a b\n"), []);
    }
}
