//! Which init a root directory boots with, found by looking and not by running.

use std::fmt;
use std::os::fd::BorrowedFd;

use serde::{Deserialize, Serialize};

use crate::elf;
use crate::root;

/// The places that the kernel tries, and the one of an initial ram disk, which
/// images of application containers use.
const PLACES: [&str; 4] = ["sbin/init", "etc/init", "bin/init", "init"];
/// How much of a program is searched for its name.
const MAX_PROGRAM: u64 = 8 * 1024 * 1024;
const MAX_INITTAB: u64 = 64 * 1024;

/// The kinds of init that are told apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum InitKind {
    /// systemd.
    Systemd,
    /// The init of System V, with an inittab of its own.
    Sysvinit,
    /// OpenRC, as PID 1 or started by the inittab of sysvinit or BusyBox.
    Openrc,
    /// runit.
    Runit,
    /// Finit.
    Finit,
    /// s6-linux-init or s6-overlay.
    S6,
    /// The init of BusyBox.
    Busybox,
    /// No init at all: an image of one application.
    None,
    /// Something else.
    #[default]
    #[serde(other)]
    Unknown,
}

impl fmt::Display for InitKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Systemd => "systemd",
            Self::Sysvinit => "sysvinit",
            Self::Openrc => "openrc",
            Self::Runit => "runit",
            Self::Finit => "finit",
            Self::S6 => "s6",
            Self::Busybox => "busybox",
            Self::None => "none",
            Self::Unknown => "unknown",
        })
    }
}

impl InitKind {
    /// Looks where the kernel would, links resolved inside the root.
    ///
    /// A program is known by its file's name; one that is just called `init`, by
    /// the names in it.
    #[must_use]
    pub fn detect(root: BorrowedFd<'_>) -> Self {
        let Some((place, path)) = find(root) else {
            return Self::None;
        };
        let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
        let kind = by_name(name).unwrap_or_else(|| {
            root::read_start(root, place, MAX_PROGRAM)
                .ok()
                .and_then(|program| by_content(&program))
                .unwrap_or(Self::Unknown)
        });
        let has_inittab = matches!(kind, Self::Sysvinit | Self::Busybox);
        if has_inittab && inittab_runs_openrc(root) {
            return Self::Openrc;
        }
        kind
    }
}

/// The machine that the root's init, or else its shell, is built for, as uname(1)
/// names it.
#[must_use]
pub fn architecture(root: BorrowedFd<'_>) -> Option<&'static str> {
    let mut programs = PLACES.into_iter().chain(["bin/sh", "usr/bin/env"]);
    programs.find_map(|path| elf::architecture(&root::read_start(root, path, 64).ok()?))
}

/// The first place that leads to a regular file, and the path of that file.
fn find(root: BorrowedFd<'_>) -> Option<(&'static str, Vec<u8>)> {
    PLACES.into_iter().find_map(|place| {
        root::open_file(root, place).ok()?;
        Some((place, root::final_path(root, place).ok()?))
    })
}

fn by_name(name: &[u8]) -> Option<InitKind> {
    Some(match name {
        b"systemd" => InitKind::Systemd,
        b"busybox" | b"busybox.static" => InitKind::Busybox,
        b"openrc-init" => InitKind::Openrc,
        b"runit-init" | b"runit" => InitKind::Runit,
        b"finit" => InitKind::Finit,
        b"sysvinit" | b"sysv-init" => InitKind::Sysvinit,
        name if name.starts_with(b"s6-") => InitKind::S6,
        _ => return None,
    })
}

/// Texts that each program has in it. The order matters: systemd speaks of the
/// control fifo of sysvinit too.
fn by_content(program: &[u8]) -> Option<InitKind> {
    const MARKS: [(&[u8], InitKind); 8] = [
        (b"BusyBox v", InitKind::Busybox),
        (b"OpenRC init", InitKind::Openrc),
        (b"s6-linux-init", InitKind::S6),
        (b"s6-overlay", InitKind::S6),
        (b"systemd.unit=", InitKind::Systemd),
        (b"runit", InitKind::Runit),
        (b"finit/", InitKind::Finit),
        (b"INIT_VERSION", InitKind::Sysvinit),
    ];
    let has = |mark: &[u8]| program.windows(mark.len()).any(|part| part == mark);
    MARKS
        .into_iter()
        .find_map(|(mark, kind)| has(mark).then_some(kind))
}

fn inittab_runs_openrc(root: BorrowedFd<'_>) -> bool {
    let inittab = root::read_start(root, "etc/inittab", MAX_INITTAB).unwrap_or_default();
    String::from_utf8_lossy(&inittab)
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .any(|line| line.contains("/openrc ") || line.trim_end().ends_with("/openrc"))
}

#[cfg(test)]
mod tests;
