//! A tree with all that a file system can hold, and how one is told from another.
#![allow(
    clippy::disallowed_methods,
    reason = "a file of a test need not outlive a crash"
)]

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{File, create_dir, create_dir_all};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, FileType, Gid, Mode, OFlags, Stat, Timespec, Timestamps, Uid, XattrFlags,
    chmodat, chownat, lgetxattr, llistxattr, lsetxattr, lstat, makedev, mknodat, open, utimensat,
};

/// A capability set: `cap_net_raw` permitted and effective, as setcap(8) writes it.
const CAPABILITY: [u8; 20] = [
    1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
];
/// A list of POSIX ACL: user::rw-, user:1000:rw-, group::r--, mask::rw-, other::---.
const ACL: [u8; 44] = [
    2, 0, 0, 0, 1, 0, 6, 0, 255, 255, 255, 255, 2, 0, 6, 0, 232, 3, 0, 0, 4, 0, 4, 0, 255, 255,
    255, 255, 16, 0, 6, 0, 255, 255, 255, 255, 32, 0, 0, 0, 255, 255, 255, 255,
];

pub(super) fn directory(path: &Path) -> OwnedFd {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    open(path, flags, Mode::empty()).unwrap()
}

pub(super) fn set(path: &Path, name: &str, value: &[u8]) {
    lsetxattr(path, name, value, XattrFlags::empty()).unwrap();
}

fn node(path: &Path, kind: FileType, major: u32, minor: u32) {
    let mode = Mode::from_raw_mode(0o640);
    mknodat(CWD, path, kind, mode, makedev(major, minor)).unwrap();
}

fn own(path: &Path, owner: u32, group: u32, mode: u32) {
    let (owner, group) = (Uid::from_raw(owner), Gid::from_raw(group));
    chownat(
        CWD,
        path,
        Some(owner),
        Some(group),
        AtFlags::SYMLINK_NOFOLLOW,
    )
    .unwrap();
    if !path.is_symlink() {
        chmodat(CWD, path, Mode::from_raw_mode(mode), AtFlags::empty()).unwrap();
    }
}

fn at(path: &Path, seconds: i64) {
    let time = |tv_sec, tv_nsec| Timespec { tv_sec, tv_nsec };
    let times = Timestamps {
        last_access: time(seconds, 123_456_789),
        last_modification: time(seconds + 1, 987_654_321),
    };
    utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
}

/// Makes a tree of everything below `top`.
pub(super) fn make(top: &Path) {
    create_dir(top).unwrap();
    let in_top = |name: &str| top.join(name);
    create_dir_all(in_top("usr/bin")).unwrap();
    create_dir(in_top("empty")).unwrap();
    std::fs::write(in_top("usr/bin/su"), b"program").unwrap();
    own(&in_top("usr/bin/su"), 0, 65_534, 0o6755);
    std::fs::write(in_top("usr/bin/ping"), vec![b'x'; 300_000]).unwrap();
    own(&in_top("usr/bin/ping"), 1000, 1000, 0o711);
    set(&in_top("usr/bin/ping"), "security.capability", &CAPABILITY);
    let sparse = File::create(in_top("sparse")).unwrap();
    sparse.write_all_at(b"middle", 3 << 20).unwrap();
    sparse.set_len(9 << 20).unwrap();
    File::create(in_top("hole"))
        .unwrap()
        .set_len(1 << 20)
        .unwrap();
    File::create(in_top("nothing")).unwrap();
    for name in ["first", "usr/second", "usr/bin/third"] {
        let _ = std::fs::hard_link(in_top("usr/bin/su"), in_top(name));
    }
    symlink("../../nowhere", in_top("link")).unwrap();
    own(&in_top("link"), 7, 8, 0);
    std::fs::hard_link(in_top("link"), in_top("usr/link")).unwrap();
    node(&in_top("fifo"), FileType::Fifo, 0, 0);
    node(&in_top("socket"), FileType::Socket, 0, 0);
    node(&in_top("gone"), FileType::CharacterDevice, 0, 0);
    node(&in_top("null"), FileType::CharacterDevice, 1, 3);
    node(&in_top("loop"), FileType::BlockDevice, 7, 1);
    own(&in_top("fifo"), 12, 65_535, 0o622);
    for odd in [&b"\xff\xfe"[..], b"new\nline", b"-r", &[b'x'; 255]] {
        std::fs::write(top.join(OsStr::from_bytes(odd)), odd).unwrap();
    }
    attributes(top);
    own(&in_top("usr"), 3, 4, 0o3771);
    own(&in_top("empty"), 0, 0, 0o000);
    for (path, seconds) in everything(top).into_iter().rev().zip(1_000_000..) {
        at(&path, seconds);
    }
}

fn attributes(top: &Path) {
    set(&top.join("nothing"), "system.posix_acl_access", &ACL);
    set(&top.join("usr"), "system.posix_acl_default", &ACL);
    set(&top.join("usr"), "trusted.overlay.opaque", b"y");
    set(&top.join("link"), "trusted.overlay.origin", b"\0\xfbhandle");
    set(&top.join("first"), "trusted.other", b"");
    set(&top.join("first"), "user.comment", b"a comment");
    set(top, "user.top", b"the top");
}

/// All paths of a tree, the top first and each directory before what is in it.
fn everything(top: &Path) -> Vec<PathBuf> {
    let mut all = vec![top.to_owned()];
    let mut next = 0;
    while let Some(path) = all.get(next).cloned() {
        next += 1;
        if path.is_dir() && !path.is_symlink() {
            let mut names: Vec<PathBuf> = std::fs::read_dir(&path)
                .unwrap()
                .map(|entry| entry.unwrap().path())
                .collect();
            names.sort();
            all.append(&mut names);
        }
    }
    all
}

/// Each path below `top` with all that can be told of it.
pub(super) fn describe(top: &Path) -> BTreeMap<PathBuf, String> {
    let paths = everything(top);
    let stats: Vec<Stat> = paths.iter().map(|path| lstat(path).unwrap()).collect();
    let first_of = |stat: &Stat| stats.iter().position(|other| other.st_ino == stat.st_ino);
    let mut described = BTreeMap::new();
    for (path, stat) in paths.iter().zip(&stats) {
        let kind = FileType::from_raw_mode(stat.st_mode);
        let content = if kind.is_file() {
            format!("{:x?}", fold(&std::fs::read(path).unwrap()))
        } else {
            format!("{:?}", std::fs::read_link(path).ok())
        };
        let size = if kind.is_dir() { 0 } else { stat.st_size };
        let times = (
            stat.st_atime,
            stat.st_atime_nsec,
            stat.st_mtime,
            stat.st_mtime_nsec,
        );
        let text = format!(
            "{:o} {}:{} {} {times:?} {size} node {:?} {content} {:?}",
            stat.st_mode,
            stat.st_uid,
            stat.st_gid,
            stat.st_rdev,
            (!kind.is_dir()).then(|| first_of(stat)),
            xattrs(path),
        );
        described.insert(path.strip_prefix(top).unwrap().to_owned(), text);
    }
    described
}

fn fold(data: &[u8]) -> u64 {
    let start = data.len() as u64;
    data.iter().fold(start, |sum, &byte| {
        sum.wrapping_mul(0x100_0000_01b3) ^ u64::from(byte)
    })
}

pub(super) fn xattrs(path: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut list = [0_u8; 4096];
    let length = llistxattr(path, &mut list[..]).unwrap();
    let names = list[..length].split(|&byte| byte == 0);
    // XFS shows its ACLs twice.
    let names = names.filter(|name| !name.is_empty() && !name.starts_with(b"trusted.SGI"));
    let pair = |name: &[u8]| {
        let mut value = [0_u8; 4096];
        let length = lgetxattr(path, name, &mut value[..]).unwrap();
        let name = String::from_utf8_lossy(name).into_owned();
        (name, value[..length].to_vec())
    };
    names.map(pair).collect()
}
