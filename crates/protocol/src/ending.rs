//! How a VE ended, as its shim saw it and wrote it into [`crate::shim::ENDED`].
//!
//! The only thing a parent learns is PID 1's wait status. When something in the
//! VE calls reboot(2), the kernel kills the whole pid namespace and lets PID 1
//! look as if it had died of a signal: SIGHUP for a restart, SIGINT for halt and
//! power-off. Nothing else makes a PID 1 die of these two: a signal that PID 1
//! of a pid namespace has no handler for is dropped, from the host as well, save
//! SIGKILL and SIGSTOP (and faults of its own, as SIGSEGV). So the reading is
//! exact as long as PID 1 has a pid namespace of its own; without one, a SIGINT
//! from the host looks the same as a power-off.
//!
//! Where reboot(2) is refused, PID 1 says the same by the status it exits with:
//! see [`crate::init::exit`].

use std::fmt;
use std::str::FromStr;

use crate::init::exit;
use crate::stamp::{NotAStamp, Stamp};

/// Signal numbers that are the same on every architecture of Linux.
const SIGHUP: u8 = 1;
const SIGINT: u8 = 2;
const SIGKILL: u8 = 9;
const LAST_SIGNAL: u8 = 64;

/// How PID 1 of a VE ended. Displayed in words for people; the words of the
/// file are those of [`Ended`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// reboot(2) with halt or power-off was called inside, or PID 1 exited with
    /// [`exit::STOPPED`].
    PowerOff,
    /// reboot(2) with restart was called inside, or PID 1 exited with
    /// [`exit::REBOOT`]: the VE is to start again.
    Reboot,
    /// PID 1 exited with this status, which is neither of those two.
    Exited(u8),
    /// PID 1 died of this signal; 9 is the host's `kill` or the memory limit.
    Killed(u8),
    /// PID 1 is gone and its status went to somebody else or to nobody.
    Unseen,
}

impl Ending {
    /// The ending of a PID 1 whose wait status says that a signal ended it.
    ///
    /// # Kernel
    /// pid_namespaces(7), "The namespace init process"; reboot(2), "Behavior
    /// inside PID namespaces", Linux 3.4.
    #[must_use]
    pub fn by_signal(signal: u8) -> Self {
        match signal {
            SIGHUP => Self::Reboot,
            SIGINT => Self::PowerOff,
            other => Self::Killed(other),
        }
    }

    /// The ending of a PID 1 whose wait status says that it exited.
    #[must_use]
    pub fn by_exit(status: u8) -> Self {
        match status {
            exit::REBOOT => Self::Reboot,
            exit::STOPPED => Self::PowerOff,
            other => Self::Exited(other),
        }
    }

    /// The same where PID 1 exits as the command that it runs did, whose status means
    /// nothing but success or not.
    #[must_use]
    pub fn of_command(status: u8) -> Self {
        match status {
            0 => Self::PowerOff,
            other => Self::Exited(other),
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PowerOff => f.write_str("was powered off from inside"),
            Self::Reboot => f.write_str("was rebooted from inside"),
            Self::Exited(status) => write!(f, "its PID 1 exited with status {status}"),
            Self::Killed(signal) => write!(f, "its PID 1 was killed by signal {signal}"),
            Self::Unseen => f.write_str("ended while nobody watched it"),
        }
    }
}

/// An ending and when it was seen: the one line of the file.
///
/// `poweroff 1700000000.123000000`, `reboot …`, `exited 3 …`, `killed 9 …`,
/// `unseen …`; with `asked` before the time where a command wanted it so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// How.
    pub ending: Ending,
    /// Whether a command of the host was ending the VE.
    pub asked: bool,
    /// When, by the host's wall clock.
    pub at: Stamp,
}

impl Ended {
    /// How it ended, in words for people.
    #[must_use]
    pub fn how(&self) -> String {
        match (self.asked, self.ending) {
            (true, Ending::Killed(SIGKILL)) => "was killed".to_owned(),
            // Which way it took is its own affair.
            (true, _) => "was stopped".to_owned(),
            (false, ending) => ending.to_string(),
        }
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ending {
            Ending::PowerOff => f.write_str("poweroff")?,
            Ending::Reboot => f.write_str("reboot")?,
            Ending::Exited(status) => write!(f, "exited {status}")?,
            Ending::Killed(signal) => write!(f, "killed {signal}")?,
            Ending::Unseen => f.write_str("unseen")?,
        }
        if self.asked {
            f.write_str(" asked")?;
        }
        write!(f, " {}", self.at)
    }
}

/// A text that is not an [`Ended`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAnEnding;

impl fmt::Display for NotAnEnding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not the record of an ending")
    }
}

impl std::error::Error for NotAnEnding {}

impl From<NotAStamp> for NotAnEnding {
    fn from(_: NotAStamp) -> Self {
        Self
    }
}

impl FromStr for Ended {
    type Err = NotAnEnding;

    /// The line of the file, with or without the newline at its end.
    fn from_str(text: &str) -> Result<Self, NotAnEnding> {
        let line = text.strip_suffix('\n').unwrap_or(text);
        let (what, at) = line.rsplit_once(' ').ok_or(NotAnEnding)?;
        let (what, asked) = match what.strip_suffix(" asked") {
            Some(what) => (what, true),
            None => (what, false),
        };
        let ending = match what.split_once(' ') {
            None => match what {
                "poweroff" => Ending::PowerOff,
                "reboot" => Ending::Reboot,
                "unseen" => Ending::Unseen,
                _ => return Err(NotAnEnding),
            },
            Some(("exited", status)) => Ending::Exited(number(status)?),
            Some(("killed", signal)) => match number(signal)? {
                signal @ 1..=LAST_SIGNAL => Ending::Killed(signal),
                _ => return Err(NotAnEnding),
            },
            Some(_) => return Err(NotAnEnding),
        };
        Ok(Self {
            ending,
            asked,
            at: at.parse()?,
        })
    }
}

/// Digits alone: the standard parser would take a sign as well.
fn number(text: &str) -> Result<u8, NotAnEnding> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse().map_err(|_| NotAnEnding)
    } else {
        Err(NotAnEnding)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn endings() -> impl Strategy<Value = Ending> {
        prop_oneof![
            Just(Ending::PowerOff),
            Just(Ending::Reboot),
            Just(Ending::Unseen),
            any::<u8>().prop_map(Ending::Exited),
            (1..=LAST_SIGNAL).prop_map(Ending::Killed),
        ]
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            ending in endings(),
            asked in any::<bool>(),
            seconds in any::<u64>(),
            nanos in 0u32..1_000_000_000,
        ) {
            let ended = Ended { ending, asked, at: Stamp { seconds, nanos } };
            prop_assert_eq!(format!("{ended}\n").parse(), Ok(ended));
        }

        #[test]
        fn any_text_is_an_answer_and_not_a_panic(text in "\\PC{0,40}") {
            if let Ok(ended) = text.parse::<Ended>() {
                prop_assert_eq!(ended.to_string().parse(), Ok(ended));
            }
        }
    }

    #[test]
    fn lines_and_words_are_as_documented() {
        let at = Stamp {
            seconds: 1_700_000_000,
            nanos: 123_000_000,
        };
        for (ending, line, words) in [
            (
                Ending::by_signal(2),
                "poweroff",
                "was powered off from inside",
            ),
            (Ending::by_signal(1), "reboot", "was rebooted from inside"),
            (
                Ending::Exited(3),
                "exited 3",
                "its PID 1 exited with status 3",
            ),
            (
                Ending::by_signal(9),
                "killed 9",
                "its PID 1 was killed by signal 9",
            ),
            (Ending::Unseen, "unseen", "ended while nobody watched it"),
        ] {
            let mut ended = Ended {
                ending,
                asked: false,
                at,
            };
            assert_eq!(ended.to_string(), format!("{line} 1700000000.123000000"));
            assert_eq!(ended.how(), words);
            ended.asked = true;
            let asked = format!("{line} asked 1700000000.123000000");
            assert_eq!(ended.to_string(), asked);
            let killed = ending == Ending::Killed(9);
            assert_eq!(
                ended.how(),
                if killed { "was killed" } else { "was stopped" }
            );
        }
        for text in [
            "",
            "poweroff",
            "killed 0 1.0",
            "killed 65 1.0",
            "exited 256 1.0",
            "exited +1 1.0",
            "asked 1.0",
        ] {
            assert_eq!(text.parse::<Ended>(), Err(NotAnEnding), "{text:?}");
        }
    }
}
