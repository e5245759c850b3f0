//! File systems by name, for those who are told that theirs will not do.

use std::os::fd::BorrowedFd;

use rustix::fs::fstatfs;

/// Numbers of linux/magic.h and of the file systems' own headers.
const NAMES: [(i64, &str); 16] = [
    (0x0102_1997, "9p"),
    (0x0102_1994, "tmpfs"),
    (0x6969, "nfs"),
    (0x794c_7630, "overlay"),
    (0x6573_5546, "fuse"),
    (0xef53, "ext4"),
    (0x5846_5342, "xfs"),
    (0x9123_683e, "btrfs"),
    (0x7371_7368, "squashfs"),
    (0xe0f5_e1e2, "erofs"),
    (0x2fc1_2fc1, "zfs"),
    (0xf2f5_2010, "f2fs"),
    (0x4d44, "vfat"),
    (0xff53_4d42, "cifs"),
    (0x00c3_6400, "ceph"),
    (0x9fa0, "proc"),
];

/// What the file system that a descriptor is on is called.
///
/// # Kernel
/// statfs(2) lists the numbers.
pub(crate) fn name_of(fd: BorrowedFd<'_>) -> String {
    let Ok(found) = fstatfs(fd) else {
        return "an unknown file system".to_owned();
    };
    let known = NAMES.iter().find(|(number, _)| *number == found.f_type);
    known.map_or_else(
        || format!("a file system of type {:#x}", found.f_type),
        |(_, name)| (*name).to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;

    #[test]
    fn proc_is_known_by_its_name() {
        let file = std::fs::File::open("/proc/version").unwrap();
        assert_eq!(name_of(file.as_fd()), "proc");
    }
}
