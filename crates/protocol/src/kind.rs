//! The kinds of init that distributions have, and how they are told apart: by
//! looking at the root, never by the name of the distribution and never by
//! running anything.
//!
//! Who imports a template and the init of a VE look at the same places in the
//! same way; each brings its own look-ups, which must not lead out of the root.

use std::fmt;
use std::str::FromStr;

use crate::init::{Found, SIGNAL_POWER_OFF};

/// Where an init is looked for, in this order: the places that the kernel tries,
/// less its last resort, a shell; and the one of an initial ram disk, which
/// images of application containers use.
pub const PLACES: [&str; 4] = ["/sbin/init", "/etc/init", "/bin/init", "/init"];

/// The table of System V's init, of BusyBox's and of those that read either.
pub const INITTAB: &str = "/etc/inittab";

/// How much of a program is searched for its name, in bytes.
pub const LONGEST_PROGRAM: u64 = 8 * 1024 * 1024;
/// How much of a script or table is looked through, in bytes.
pub const LONGEST_TABLE: u64 = 64 * 1024;

/// What debian-like distributions have their inittab start run levels with.
const RC: &str = "/etc/init.d/rc";

/// Where nothing is known of an init, what most programs end on.
pub const SIGTERM: i32 = 15;
/// Ctrl-Alt-Del, on which inits stop everything and reboot; whoever stops a VE
/// does not start it again.
pub const SIGINT: i32 = 2;
/// Power off, to BusyBox and Finit, which have other uses for real-time signals.
pub const SIGUSR2: i32 = 12;

/// The kinds of init that are told apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Kind {
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
    Unknown,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 9] = [
        Self::Systemd,
        Self::Sysvinit,
        Self::Openrc,
        Self::Runit,
        Self::Finit,
        Self::S6,
        Self::Busybox,
        Self::None,
        Self::Unknown,
    ];

    /// The kind as manifests and messages spell it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Systemd => "systemd",
            Self::Sysvinit => "sysvinit",
            Self::Openrc => "openrc",
            Self::Runit => "runit",
            Self::Finit => "finit",
            Self::S6 => "s6",
            Self::Busybox => "busybox",
            Self::None => "none",
            Self::Unknown => "unknown",
        }
    }

    /// The kind of init that a root boots with.
    #[must_use]
    pub fn detect(root: &impl Look) -> Self {
        PLACES
            .into_iter()
            .find_map(|place| Self::of_program(root, place))
            .unwrap_or(Self::None)
    }

    /// The kind of the init at `path`; nothing where no program is there.
    ///
    /// A program is known by its file's name, all links followed; one that is just
    /// called `init` by the texts in it.
    #[must_use]
    pub fn of_program(root: &impl Look, path: &str) -> Option<Self> {
        let name = root.file_name(path)?;
        let kind = by_name(&name).unwrap_or_else(|| {
            root.start(path, LONGEST_PROGRAM)
                .and_then(|program| by_content(&program))
                .unwrap_or_default()
        });
        let has_inittab = matches!(kind, Self::Sysvinit | Self::Busybox);
        if has_inittab && inittab_runs_openrc(root) {
            return Some(Self::Openrc);
        }
        Some(kind)
    }

    /// What makes an init of this kind shut down when it is PID 1 itself.
    #[must_use]
    pub fn stop_signal(self) -> i32 {
        match self {
            Self::Systemd => SIGNAL_POWER_OFF,
            Self::Finit | Self::Busybox => SIGUSR2,
            Self::Sysvinit | Self::Openrc | Self::Runit => SIGINT,
            Self::S6 | Self::None | Self::Unknown => SIGTERM,
        }
    }

    /// Whether veld-init does the work of an init of this kind, unless it was told
    /// to hand over.
    #[must_use]
    pub fn is_supervised(self) -> bool {
        match self {
            Self::Sysvinit | Self::Openrc | Self::Runit | Self::Busybox | Self::None => true,
            Self::Systemd | Self::Finit | Self::S6 | Self::Unknown => false,
        }
    }

    /// What is taken for granted of a PID 1 that has not said anything, in a root
    /// with an init of this kind.
    #[must_use]
    pub fn presumed(self) -> Found {
        let hands_over = !self.is_supervised();
        Found {
            kind: self,
            hands_over,
            stop_signal: if hands_over {
                self.stop_signal()
            } else {
                SIGNAL_POWER_OFF
            },
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that names no kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoSuchKind;

impl FromStr for Kind {
    type Err = NoSuchKind;

    fn from_str(text: &str) -> Result<Self, NoSuchKind> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or(NoSuchKind)
    }
}

/// Look-ups below a root. Paths are absolute paths of that root, and links in it
/// are links of that root.
pub trait Look {
    /// The last part of the path that `path` leads to, all links followed; nothing
    /// where no regular file is there.
    fn file_name(&self, path: &str) -> Option<Vec<u8>>;

    /// The start of the regular file at `path`, at most `limit` bytes.
    fn start(&self, path: &str, limit: u64) -> Option<Vec<u8>>;
}

fn by_name(name: &[u8]) -> Option<Kind> {
    Some(match name {
        b"systemd" => Kind::Systemd,
        b"openrc-init" => Kind::Openrc,
        b"runit-init" | b"runit" => Kind::Runit,
        b"finit" => Kind::Finit,
        b"sysvinit" | b"sysv-init" => Kind::Sysvinit,
        // busybox, busybox.static
        name if name.starts_with(b"busybox") => Kind::Busybox,
        b"s6-svscan" => Kind::S6,
        name if name.starts_with(b"s6-linux-init") => Kind::S6,
        _ => return None,
    })
}

/// Texts that each program has in it, and that a static program of another kind
/// has not by chance. The order matters: systemd speaks of the control fifo of
/// sysvinit too, and BusyBox has parts of runit.
fn by_content(program: &[u8]) -> Option<Kind> {
    const MARKS: [(&[u8], Kind); 9] = [
        (b"BusyBox v", Kind::Busybox),
        (b"OpenRC init", Kind::Openrc),
        (b"s6-linux-init", Kind::S6),
        (b"s6-overlay", Kind::S6),
        (b"systemd.unit=", Kind::Systemd),
        (b"/etc/runit/", Kind::Runit),
        // Debian 12's, which keeps its flags there.
        (b"/run/runit.", Kind::Runit),
        (b"/run/finit/", Kind::Finit),
        (b"INIT_VERSION", Kind::Sysvinit),
    ];
    MARKS
        .into_iter()
        .find_map(|(mark, kind)| contains(program, mark).then_some(kind))
}

fn inittab_runs_openrc(root: &impl Look) -> bool {
    let start = |path| root.start(path, LONGEST_TABLE).unwrap_or_default();
    let inittab = start(INITTAB);
    let says = |line: &[u8], word: &str| {
        !line.trim_ascii_start().starts_with(b"#") && contains(line, word.as_bytes())
    };
    let mut lines = inittab.split(|&byte| byte == b'\n');
    lines.any(|line| {
        let ends = line.trim_ascii_end().ends_with(b"/openrc");
        says(line, "/openrc ") || (ends && says(line, "/openrc"))
            // Debian's inittab stays sysvinit's, and this script is what is replaced.
            || (says(line, RC) && contains(&start(RC), b"/openrc "))
    })
}

fn contains(text: &[u8], mark: &[u8]) -> bool {
    let Some((&first, rest)) = mark.split_first() else {
        return true;
    };
    let mut text = text;
    while let Some(at) = text.iter().position(|&byte| byte == first) {
        text = text.get(at + 1..).unwrap_or_default();
        if text.starts_with(rest) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests;
