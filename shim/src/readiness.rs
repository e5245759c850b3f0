//! The notice socket: PID 1 is believed, and nobody can make the shim do more
//! than a bounded amount of work for it.

use std::io::Write;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};
use rustix::process::Pid;
use veld_protocol::shim::{READY, STATUS, STOPPING_INSIDE};
use veld_protocol::stamp::Stamp;
use veld_sys::credentials::receive_datagram;
use veld_sys::{Context, Failure};

use crate::notice::{Notice, StatusLine};
use crate::run_directory::RunDirectory;

/// Datagrams read before everything else has its turn.
const PER_TURN: usize = 16;
/// A datagram that is longer is not believed at all; systemd's own limit.
const LONGEST: usize = 4096;
/// The status file is written at most this often.
const STATUS_INTERVAL: Duration = Duration::from_secs(1);

/// What PID 1 has said so far.
#[derive(Debug)]
pub(crate) struct Readiness {
    socket: OwnedFd,
    /// None where it had ended before the shim came: then nobody is believed.
    init: Option<Pid>,
    ready: bool,
    stopping: bool,
    /// Said and not written yet.
    status: Option<StatusLine>,
    /// When the status was last written.
    written: Option<Instant>,
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
            status: None,
            written: None,
        })
    }

    pub(crate) fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
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
        if self.status_due_in().is_some_and(|wait| wait.is_zero()) {
            self.write_status(directory);
        }
    }

    /// How long until a status is to be written, where there is one.
    pub(crate) fn status_due_in(&self) -> Option<Duration> {
        self.status?;
        let since = self.written.map(|written| written.elapsed());
        Some(since.map_or(Duration::ZERO, |since| {
            STATUS_INTERVAL.saturating_sub(since)
        }))
    }

    /// Writes the status that was said last.
    pub(crate) fn write_status(&mut self, directory: &RunDirectory) {
        if let Some(line) = self.status.take() {
            // A full disk costs this status, and the next one is tried again.
            let _ = directory.replace(STATUS, line.as_bytes());
            self.written = Some(Instant::now());
        }
    }

    fn believe(&mut self, notice: Notice<'_>, directory: &RunDirectory) {
        // Said again (a reload ends with READY=1 too) it changes nothing; a file
        // that could not be written is tried again when it is.
        if notice.ready && !self.ready {
            self.ready = stamp(directory, READY);
        }
        if notice.stopping && !self.stopping {
            self.stopping = stamp(directory, STOPPING_INSIDE);
        }
        if let Some(status) = notice.status {
            self.status = Some(StatusLine::new(status));
        }
    }
}

/// Whether a file that says "now" is at `name`.
fn stamp(directory: &RunDirectory, name: &str) -> bool {
    let mut text = [0; 40];
    let room = text.len();
    let mut rest = &mut text[..];
    // 40 bytes hold the 20 digits of any second, a point and 9 digits.
    let _ = write!(rest, "{}", Stamp::now());
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
