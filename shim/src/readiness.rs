//! The notice socket: PID 1 is believed, and nobody can make the shim do more
//! than a bounded amount of work for it.

use std::io::Write;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};
use rustix::process::Pid;
use veld_protocol::event::{Cause, What};
use veld_protocol::init::Found;
use veld_protocol::kind::Kind;
use veld_protocol::shim::{FAILED, FOUND, READY, STATUS, STOPPING_INSIDE};
use veld_protocol::stamp::Stamp;
use veld_sys::credentials::receive_datagram;
use veld_sys::{Context, Failure};

use crate::events;
use crate::notice::{Notice, StatusLine};
use crate::run_directory::RunDirectory;

/// Datagrams read before everything else has its turn.
const PER_TURN: usize = 16;
/// A datagram that is longer is not believed at all; systemd's own limit.
const LONGEST: usize = 4096;
/// A file of what PID 1 may say again and again is written at most this often.
const INTERVAL: Duration = Duration::from_secs(1);

/// What PID 1 has said so far.
#[derive(Debug)]
pub(crate) struct Readiness {
    socket: OwnedFd,
    /// None where it had ended before the shim came: then nobody is believed.
    init: Option<Pid>,
    ready: bool,
    stopping: bool,
    found: Option<Found>,
    status: Paced,
    failed: Paced,
    /// What was last written of those services.
    lacking: Option<StatusLine>,
}

/// A line that is said often and written now and then.
#[derive(Debug)]
struct Paced {
    /// Its file.
    name: &'static str,
    /// Said and not written yet.
    line: Option<StatusLine>,
    /// When the file was last written.
    written: Option<Instant>,
}

impl Paced {
    fn new(name: &'static str) -> Self {
        Self {
            name,
            line: None,
            written: None,
        }
    }

    /// How long until the line is to be written, where there is one.
    fn due_in(&self) -> Option<Duration> {
        self.line?;
        let since = self.written.map(|written| written.elapsed());
        Some(since.map_or(Duration::ZERO, |since| INTERVAL.saturating_sub(since)))
    }

    /// The line that was written, where there was one.
    fn write(&mut self, directory: &RunDirectory) -> Option<StatusLine> {
        let line = self.line.take()?;
        // A full disk costs this line, and the next one is tried again.
        let _ = directory.replace(self.name, line.as_bytes());
        self.written = Some(Instant::now());
        Some(line)
    }
}

impl Readiness {
    /// # Errors
    /// The socket takes no option, or /proc is not there to name PID 1.
    pub(crate) fn new(socket: OwnedFd, init: BorrowedFd<'_>) -> Result<Self, Failure> {
        rustix::net::sockopt::set_socket_passcred(&socket, true)
            .context(|| "ask for the senders of notices")?;
        Ok(Self {
            socket,
            init: pid_of(init)?,
            ready: false,
            stopping: false,
            found: None,
            status: Paced::new(STATUS),
            failed: Paced::new(FAILED),
            lacking: None,
        })
    }

    pub(crate) fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Whether PID 1 has said that it runs a command, and no init.
    pub(crate) fn runs_command(&self) -> bool {
        self.found
            .is_some_and(|found| found.kind == Kind::None && !found.hands_over)
    }

    /// Takes what has come, up to a bound.
    pub(crate) fn take(&mut self, directory: &RunDirectory) {
        let mut buffer = [0; LONGEST];
        for _ in 0..PER_TURN {
            let Ok(received) = receive_datagram(self.socket.as_fd(), &mut buffer) else {
                break;
            };
            let believed = received.sender.is_some() && received.sender == self.init;
            if believed && !received.truncated {
                let datagram = buffer.get(..received.length).unwrap_or_default();
                self.believe(Notice::parse(datagram), directory);
            }
        }
        self.write_due(directory);
    }

    /// How long until a line is to be written, where there is one.
    pub(crate) fn due_in(&self) -> Option<Duration> {
        let lines = [&self.status, &self.failed];
        lines.into_iter().filter_map(Paced::due_in).min()
    }

    /// Writes the lines whose time has come.
    pub(crate) fn write_due(&mut self, directory: &RunDirectory) {
        let is_due = |line: &Paced| line.due_in().is_some_and(|wait| wait.is_zero());
        if is_due(&self.status) {
            self.status.write(directory);
        }
        if is_due(&self.failed) {
            self.write_failed(directory);
        }
    }

    /// Writes what was said last: nothing more will be.
    pub(crate) fn write_all(&mut self, directory: &RunDirectory) {
        self.status.write(directory);
        self.write_failed(directory);
    }

    fn write_failed(&mut self, directory: &RunDirectory) {
        let Some(line) = self.failed.write(directory) else {
            return;
        };
        if line.as_str() == self.lacking() {
            return;
        }
        self.lacking = Some(line);
        // Of one that comes up it is told once it is up.
        if self.ready {
            events::tell(directory, self.how_up());
        }
    }

    fn lacking(&self) -> &str {
        self.lacking.as_ref().map_or("", StatusLine::as_str)
    }

    /// What there is to say of a VE whose services are up.
    fn how_up(&self) -> What<'_> {
        match self.lacking() {
            "" => What::Up,
            services => What::Degraded(services),
        }
    }

    fn believe(&mut self, notice: Notice<'_>, directory: &RunDirectory) {
        // Before the word that it is up: who hears that looks at once which init it is.
        if let Some(found) = notice.found
            && self.found.is_none()
        {
            self.found = Some(found);
            // On a full disk the commands go by what the template has.
            let _ = tell(directory, FOUND, &found);
        }
        // Said again (a reload ends with READY=1 too) it changes nothing; a file
        // that could not be written is tried again when it is.
        if notice.ready && !self.ready {
            self.ready = stamp(directory, READY);
            events::tell(directory, What::Up);
            if !self.lacking().is_empty() {
                events::tell(directory, self.how_up());
            }
        }
        if notice.stopping && !self.stopping {
            self.stopping = stamp(directory, STOPPING_INSIDE);
            events::tell(directory, What::Stopping(Cause::Inside));
        }
        if let Some(status) = notice.status {
            self.status.line = Some(StatusLine::new(status));
        }
        if let Some(failed) = notice.failed {
            self.failed.line = Some(StatusLine::new(failed));
        }
    }
}

/// Whether a file that says "now" is at `name`.
fn stamp(directory: &RunDirectory, name: &str) -> bool {
    tell(directory, name, &Stamp::now())
}

/// Whether a file with this short word is at `name`.
fn tell(directory: &RunDirectory, name: &str, word: &dyn std::fmt::Display) -> bool {
    // A stamp is at most 30 digits and a point, a found init three words.
    let mut text = [0; 64];
    let room = text.len();
    let mut rest = &mut text[..];
    let _ = write!(rest, "{word}");
    let length = room - rest.len();
    directory
        .replace(name, text.get(..length).unwrap_or_default())
        .is_ok()
}

/// The number of the process that a pidfd stands for, None once it was reaped.
///
/// # Kernel
/// proc_pid_fdinfo(5), `Pid`, Linux 5.4.
fn pid_of(init: BorrowedFd<'_>) -> Result<Option<Pid>, Failure> {
    let path = format!("/proc/self/fdinfo/{}", init.as_raw_fd());
    let mut text = [0; 512];
    let length = rustix::fs::open(&path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
        .and_then(|file| rustix::io::read(file, &mut text))
        .context(|| format!("read {path}"))?;
    let number = text
        .get(..length)
        .and_then(|text| std::str::from_utf8(text).ok())
        .and_then(|text| text.lines().find_map(|line| line.strip_prefix("Pid:")))
        .and_then(|number| number.trim().parse().ok());
    // -1 is a process that was reaped, 0 one outside this pid namespace.
    Ok(number
        .filter(|&number: &i32| number > 0)
        .and_then(Pid::from_raw))
}
