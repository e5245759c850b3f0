//! What tool, launcher and shim agree on with veld-init, PID 1 of a VE: its
//! arguments, the signals it listens to, and how it ends.
//!
//! The launcher builds the argument list with [`Options::to_args`], the init
//! reads it back with [`Options::parse`]. Whoever waits for PID 1 learns from a
//! signal (see [`crate::ending`]) or a code (see [`exit`]) how the VE ended.
//!
//! The kernel drops a signal that PID 1 neither handles nor blocks, and in its
//! first instants PID 1 does neither (pid_namespaces(7)): a request that was
//! sent before anything came from it on the readiness socket may be lost.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::str::FromStr;

use crate::kind::Kind;

/// The name of the init: its `argv[0]`, its process name, the start of its console lines.
pub const NAME: &str = "veld-init";

/// Where a VE sees the socket that readiness is told on, when it has one: the
/// usual value of the environment variable `NOTIFY_SOCKET`. The messages are
/// those of sd_notify(3).
pub const NOTIFY_SOCKET: &str = "/run/host/notify";

/// Asks PID 1 to halt: SIGRTMIN+3, as systemd(1) has it.
pub const SIGNAL_HALT: i32 = 37;

/// Asks PID 1 to power off: SIGRTMIN+4, as systemd(1) has it.
pub const SIGNAL_POWER_OFF: i32 = 38;

/// Asks PID 1 to reboot: SIGRTMIN+5, as systemd(1) has it.
pub const SIGNAL_REBOOT: i32 = 39;

/// Before a [`Found`] in a message of PID 1 on the readiness socket.
pub const FOUND: &str = "X_VELD_INIT=";

/// Before the names of services that do not run as they should, with blanks
/// between them, in a message of PID 1; nothing follows where all run again.
pub const FAILED: &str = "X_VELD_FAILED=";

/// What PID 1 found and what it does about it.
///
/// `systemd hand-over 38`: displayed and read as such.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// The kind of init that the distribution has.
    pub kind: Kind,
    /// Whether that init became PID 1; else its work is done by veld-init.
    pub hands_over: bool,
    /// The signal that makes PID 1 shut the VE down.
    pub stop_signal: i32,
}

/// The numbers that a signal may have.
const SIGNALS: std::ops::RangeInclusive<i32> = 1..=64;

impl Default for Found {
    /// What is taken for granted of a PID 1 that has not said anything.
    fn default() -> Self {
        Self {
            kind: Kind::Unknown,
            hands_over: false,
            stop_signal: SIGNAL_POWER_OFF,
        }
    }
}

impl Found {
    fn way(self) -> Mode {
        if self.hands_over {
            Mode::HandOver
        } else {
            Mode::Supervise
        }
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = self.way().as_str();
        write!(f, "{} {way} {}", self.kind, self.stop_signal)
    }
}

/// A text that is not a [`Found`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotFound;

impl FromStr for Found {
    type Err = NotFound;

    fn from_str(text: &str) -> Result<Self, NotFound> {
        let mut words = text.split_ascii_whitespace();
        let (Some(kind), Some(way), Some(signal), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(NotFound);
        };
        let found = Self {
            kind: kind.parse().map_err(|_| NotFound)?,
            hands_over: way == Mode::HandOver.as_str(),
            stop_signal: signal.parse().map_err(|_| NotFound)?,
        };
        let sound = way == found.way().as_str() && SIGNALS.contains(&found.stop_signal);
        sound.then_some(found).ok_or(NotFound)
    }
}

/// How veld-init exits when it does not end by a signal.
pub mod exit {
    /// Stopped as asked, but reboot(2) was refused, so that no signal tells it.
    pub const STOPPED: u8 = 0;
    /// The arguments make no sense, or it does not run as PID 1.
    pub const USAGE: u8 = 2;
    /// It panicked; the console has a line that says where.
    pub const PANIC: u8 = 101;
    /// It could not set itself up to supervise; the console says why.
    pub const SETUP: u8 = 125;
    /// The distribution's init is there but could not be executed.
    pub const CANNOT_EXECUTE: u8 = 126;
    /// There is no init to hand over to, or what it needs to run is missing.
    pub const NOT_FOUND: u8 = 127;
    /// A reboot was asked for, but reboot(2) was refused. systemd-nspawn reads
    /// the same number so.
    pub const REBOOT: u8 = 133;
}

/// What veld-init does about the distribution's own init.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// Looks at the init that the root has, and chooses.
    #[default]
    Auto,
    /// Executes the distribution's init in its place.
    HandOver,
    /// Stays PID 1 and runs the distribution's services itself.
    Supervise,
}

impl Mode {
    /// All modes, in the order in which messages name them.
    pub const ALL: [Self; 3] = [Self::Auto, Self::HandOver, Self::Supervise];

    /// The mode as the command line spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::HandOver => "hand-over",
            Self::Supervise => "supervise",
        }
    }
}

/// The arguments of veld-init.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// `--mode`: what to do about the distribution's init.
    pub mode: Mode,
    /// `--init`: the command to run for the distribution's init, or a directory
    /// of services, instead of the first of [`crate::kind::PLACES`]. Its first
    /// word is an absolute path.
    pub init: Option<OsString>,
    /// `--getty`: keep a login prompt on the console.
    pub getty: bool,
}

/// Arguments that veld-init does not understand.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum UsageError {
    /// An option or operand that does not exist.
    Unknown(OsString),
    /// An option without its value.
    NoValue(&'static str),
    /// Not one of [`Mode::ALL`].
    NoSuchMode(OsString),
    /// The program of `--init` is not an absolute path.
    NotAbsolute(OsString),
}

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(word) => write!(f, "unknown option {}", word.display()),
            Self::NoValue(option) => write!(f, "{option} needs a value"),
            Self::NoSuchMode(word) => write!(
                f,
                "--mode: \"{}\" is none of auto, hand-over, supervise",
                word.display()
            ),
            Self::NotAbsolute(path) => {
                write!(f, "--init: \"{}\" is not an absolute path", path.display())
            }
        }
    }
}

impl std::error::Error for UsageError {}

impl Options {
    /// The arguments without `argv[0]`; what is as by default is left out.
    #[must_use]
    pub fn to_args(&self) -> Vec<OsString> {
        let mut args = Vec::new();
        if self.mode != Mode::default() {
            args.extend(["--mode".into(), self.mode.as_str().into()]);
        }
        if let Some(init) = &self.init {
            args.extend(["--init".into(), init.clone()]);
        }
        if self.getty {
            args.push("--getty".into());
        }
        args
    }

    /// Reads arguments as [`Options::to_args`] makes them; `argv[0]` is not among them.
    ///
    /// # Errors
    /// The first argument that is not understood.
    pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Self, UsageError> {
        let mut options = Self::default();
        let mut args = args.into_iter();
        while let Some(word) = args.next() {
            match word.to_str() {
                Some("--mode") => options.mode = mode(args.next())?,
                Some("--init") => options.init = Some(program(args.next())?),
                Some("--getty") => options.getty = true,
                _ => return Err(UsageError::Unknown(word)),
            }
        }
        Ok(options)
    }
}

fn mode(value: Option<OsString>) -> Result<Mode, UsageError> {
    let word = value.ok_or(UsageError::NoValue("--mode"))?;
    Mode::ALL
        .into_iter()
        .find(|mode| OsStr::new(mode.as_str()) == word)
        .ok_or(UsageError::NoSuchMode(word))
}

fn program(value: Option<OsString>) -> Result<OsString, UsageError> {
    let path = value.ok_or(UsageError::NoValue("--init"))?;
    if path.as_encoded_bytes().starts_with(b"/") {
        Ok(path)
    } else {
        Err(UsageError::NotAbsolute(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_side_writes_the_other_reads() {
        for mode in Mode::ALL {
            for init in [None, Some("/lib/systemd/systemd".into())] {
                for getty in [false, true] {
                    let init = init.clone();
                    let options = Options { mode, init, getty };
                    assert_eq!(Options::parse(options.to_args()), Ok(options));
                }
            }
        }
        assert!(Options::default().to_args().is_empty());
    }

    #[test]
    fn what_was_found_is_told_in_a_line() {
        let found = Found {
            kind: Kind::Finit,
            hands_over: true,
            stop_signal: 12,
        };
        assert_eq!(found.to_string(), "finit hand-over 12");
        for found in [found, Found::default()] {
            assert_eq!(found.to_string().parse(), Ok(found));
        }
        for text in [
            "",
            "systemd",
            "systemd hand-over",
            "systemd both 38",
            "upstart hand-over 38",
            "systemd auto 38",
            "systemd hand-over 0",
            "systemd hand-over 65",
            "systemd hand-over 38 1",
        ] {
            assert_eq!(text.parse::<Found>(), Err(NotFound), "{text}");
        }
    }

    #[test]
    fn nonsense_is_refused_in_words() {
        let text = |args: &[&str]| {
            Options::parse(args.iter().map(OsString::from))
                .unwrap_err()
                .to_string()
        };
        assert_eq!(text(&["--wiat"]), "unknown option --wiat");
        assert_eq!(text(&["--mode"]), "--mode needs a value");
        assert_eq!(
            text(&["--mode", "both"]),
            "--mode: \"both\" is none of auto, hand-over, supervise"
        );
        assert_eq!(
            text(&["--init", "init"]),
            "--init: \"init\" is not an absolute path"
        );
    }
}
