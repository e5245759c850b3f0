//! The fifos on which an init is asked for things, beside signals.
//!
//! - *initctl*: System V's `telinit` and `shutdown` write requests of a fixed
//!   size, which are those of initreq.h in sysvinit 2.x.
//! - *openrc*: `openrc-shutdown` writes a word.
//!
//! Whatever is read may be anything: only whole requests that make sense count.

use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, symlink};
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags};
use veld_sys::{Context, Failure};

use super::table::{End, Event};
use crate::console;
use crate::level::Level;
use crate::plan::Power;

/// Which fifo an init listens to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ear {
    /// System V's, at /run/initctl and, for older tools, /dev/initctl.
    Initctl,
    /// OpenRC's.
    Openrc,
}

/// Something that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Request {
    /// To be taken through the table.
    Event(Event),
    /// A run level, of which some are ends.
    Level(Level),
    /// A variable for the jobs from now on, or none of that name any more.
    Environment(String, Option<String>),
}

/// Requests read before everything else has its turn.
const PER_TURN: usize = 16;

const MAGIC: u32 = 0x0309_1969;
/// A request: magic, command, run level, time to sleep, each of 32 bits, and data.
const REQUEST: usize = 384;
const DATA: usize = 16;
/// Only these variables may be set, as init(8) has it.
const VARIABLES: &str = "INIT_";
const LONGEST_VARIABLE: usize = 256;

/// The fifo, where it is open.
#[derive(Debug)]
pub(crate) struct Fifo {
    ear: Ear,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    file: std::fs::File,
    /// Device and inode, by which a fifo made anew at the path is noticed.
    inode: (u64, u64),
}

impl Fifo {
    /// Makes the fifo; a failure is told on the console, and tried again.
    pub(crate) fn new(ear: Ear) -> Self {
        let mut fifo = Self { ear, open: None };
        if let Err(failure) = fifo.ensure() {
            console::report(&failure);
        }
        fifo
    }

    /// Opens it again where it is no longer what stands at its path: scripts of a
    /// boot mount /run or empty it.
    pub(crate) fn ensure(&mut self) -> Result<(), Failure> {
        let path = self.ear.path();
        let there = std::fs::symlink_metadata(path).ok();
        let inode = there.map(|there| (there.dev(), there.ino()));
        if inode.is_some() && inode == self.open.as_ref().map(|open| open.inode) {
            return Ok(());
        }
        self.open = None;
        self.open = Some(self.ear.open().context(|| format!("listen at {path}"))?);
        Ok(())
    }

    /// What to wait for.
    pub(crate) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.open.as_ref().map(|open| open.file.as_fd())
    }

    /// What was asked for since.
    pub(crate) fn requests(&mut self) -> Vec<Request> {
        let Some(open) = &mut self.open else {
            return Vec::new();
        };
        let mut requests = Vec::new();
        let mut buffer = [0; REQUEST];
        for _ in 0..PER_TURN {
            // A writer of less than a request has asked for nothing.
            match open.file.read(&mut buffer) {
                Ok(length @ 1..) => requests.extend(match self.ear {
                    Ear::Initctl if length == REQUEST => initctl(&buffer),
                    Ear::Initctl => None,
                    Ear::Openrc => openrc(buffer.get(..length).unwrap_or_default()),
                }),
                Ok(_) | Err(_) => break,
            }
        }
        requests
    }
}

impl Ear {
    fn path(self) -> &'static str {
        match self {
            Self::Initctl => "/run/initctl",
            Self::Openrc => "/run/openrc/init.ctl",
        }
    }

    fn open(self) -> io::Result<Open> {
        let path = Path::new(self.path());
        veld_sys::fault::point("make fifo")?;
        if let Some(directory) = path.parent() {
            std::fs::create_dir_all(directory)?;
        }
        match rustix::fs::mkfifoat(CWD, path, Mode::RUSR | Mode::WUSR) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => {}
            Err(errno) => return Err(errno.into()),
        }
        if self == Self::Initctl {
            // One that is there is the distribution's own, or of an earlier start.
            let _ = symlink(path, "/dev/initctl");
        }
        // For writing too, so that it never ends.
        let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = std::fs::File::from(rustix::fs::open(path, flags, Mode::empty())?);
        let found = file.metadata()?;
        if !found.file_type().is_fifo() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        Ok(Open {
            inode: (found.dev(), found.ino()),
            file,
        })
    }
}

/// # Format
/// initreq.h of sysvinit: commands 1 (run level), 2 to 4 (power fails, fails now,
/// is back), 6 (set variables).
fn initctl(bytes: &[u8; REQUEST]) -> Option<Request> {
    let number = |at: usize| {
        let bytes = bytes.get(at..at + 4)?;
        Some(u32::from_ne_bytes(bytes.try_into().ok()?))
    };
    if number(0)? != MAGIC {
        return None;
    }
    Some(match number(4)? {
        1 => level(u8::try_from(number(8)?).ok()?)?,
        2 => Request::Event(Event::Power(Power::Fails)),
        3 => Request::Event(Event::Power(Power::FailsNow)),
        4 => Request::Event(Event::Power(Power::Back)),
        6 => variable(bytes.get(DATA..)?)?,
        _ => return None,
    })
}

fn level(letter: u8) -> Option<Request> {
    match letter {
        b'q' | b'Q' => Some(Request::Event(Event::Reload)),
        // To execute itself anew changes nothing of what runs.
        b'u' | b'U' => None,
        letter => Level::from_byte(letter).map(Request::Level),
    }
}

/// `NAME=VALUE` to set, `NAME` to unset.
fn variable(data: &[u8]) -> Option<Request> {
    let text = data.split(|&byte| byte == 0).next()?;
    let text = std::str::from_utf8(text).ok()?;
    let sound = text.starts_with(VARIABLES)
        && text.len() <= LONGEST_VARIABLE
        && !text.contains(char::is_control);
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (text, None),
    };
    sound.then(|| Request::Environment(name.to_owned(), value))
}

fn openrc(bytes: &[u8]) -> Option<Request> {
    let word = bytes.split(|&byte| byte == 0).next()?.trim_ascii();
    Some(Request::Event(match word {
        b"halt" => Event::Stop(End::Halt),
        b"poweroff" => Event::Stop(End::PowerOff),
        b"reboot" | b"kexec" => Event::Stop(End::Reboot),
        b"single" => return Some(Request::Level(Level::SINGLE)),
        _ => return None,
    }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn request(command: u32, level: u8, data: &[u8]) -> Option<Request> {
        let mut bytes = [0; REQUEST];
        bytes[..4].copy_from_slice(&MAGIC.to_ne_bytes());
        bytes[4..8].copy_from_slice(&command.to_ne_bytes());
        bytes[8..12].copy_from_slice(&u32::from(level).to_ne_bytes());
        bytes[DATA..DATA + data.len()].copy_from_slice(data);
        initctl(&bytes)
    }

    #[test]
    fn requests_of_telinit_and_shutdown_are_understood() {
        let level = |byte| Some(Request::Level(Level::from_byte(byte).unwrap()));
        assert_eq!(request(1, b'3', b""), level(b'3'));
        assert_eq!(request(1, b's', b""), level(b'S'));
        assert_eq!(request(1, b'Q', b""), Some(Request::Event(Event::Reload)));
        assert_eq!(request(1, b'u', b""), None);
        assert_eq!(request(1, b'x', b""), None);
        assert_eq!(
            request(3, 0, b""),
            Some(Request::Event(Event::Power(Power::FailsNow)))
        );
        let set = |name: &str, value: Option<&str>| {
            Some(Request::Environment(name.into(), value.map(str::to_owned)))
        };
        assert_eq!(
            request(6, 0, b"INIT_HALT=HALT\0"),
            set("INIT_HALT", Some("HALT"))
        );
        assert_eq!(request(6, 0, b"INIT_HALT\0"), set("INIT_HALT", None));
        assert_eq!(request(6, 0, b"PATH=/tmp\0"), None);
        assert_eq!(request(6, 0, b"INIT_X=\x1b[2J\0"), None);
        assert_eq!(request(12345, 0, b""), None);
        assert_eq!(initctl(&[0; REQUEST]), None);
    }

    #[test]
    fn words_of_openrc_are_understood() {
        assert_eq!(
            openrc(b"reboot"),
            Some(Request::Event(Event::Stop(End::Reboot)))
        );
        assert_eq!(
            openrc(b"poweroff\n"),
            Some(Request::Event(Event::Stop(End::PowerOff)))
        );
        assert_eq!(openrc(b"rebootx"), None);
        assert_eq!(openrc(b""), None);
    }

    proptest! {
        #[test]
        fn anything_is_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), REQUEST)) {
            let mut bytes: [u8; REQUEST] = bytes.try_into().unwrap();
            let _ = openrc(&bytes);
            bytes[..4].copy_from_slice(&MAGIC.to_ne_bytes());
            bytes[5..8].fill(0);
            let _ = initctl(&bytes);
        }
    }
}
