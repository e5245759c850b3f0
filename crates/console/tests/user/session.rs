//! A user process, on a terminal or on pipes, and what a test does with it.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::{Pid, Signal};
use rustix::pty::OpenptFlags;
use rustix::termios::{Termios, Winsize};

/// More than anything here takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A user process whose terminal is the test.
pub(crate) struct OnTerminal {
    pub(crate) master: File,
    slave: OwnedFd,
    /// The terminal's settings before the user came.
    pub(crate) before: Termios,
    user: Child,
    seen: Vec<u8>,
}

pub(crate) fn program() -> PathBuf {
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    path.join("examples/user")
}

/// A user process with pipes.
pub(crate) fn on_pipes(arguments: &[&str]) -> Child {
    Command::new(program())
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Processor time that a process has used, in clock ticks (10 ms).
pub(crate) fn ticks(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields = stat.rsplit_once(')').unwrap().1;
    let ticks = fields.split_whitespace().skip(11).take(2);
    ticks.map(|field| field.parse::<u64>().unwrap()).sum()
}

pub(crate) fn signal(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}

impl OnTerminal {
    /// Starts it on a terminal of 100 columns and 30 rows.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let master = rustix::pty::openpt(flags).unwrap();
        rustix::pty::unlockpt(&master).unwrap();
        let slave = rustix::pty::ioctl_tiocgptpeer(&master, flags).unwrap();
        let before = rustix::termios::tcgetattr(&slave).unwrap();
        let copy = || Stdio::from(slave.try_clone().unwrap());
        set_size(&master, 100, 30);
        let user = Command::new(program())
            .arg("--terminal")
            .args(arguments)
            .stdin(copy())
            .stdout(copy())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            master: File::from(master),
            slave,
            before,
            user,
            seen: Vec::new(),
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.user.id()
    }

    pub(crate) fn type_in(&mut self, bytes: &[u8]) {
        self.master.write_all(bytes).unwrap();
    }

    pub(crate) fn resize(&self, columns: u16, rows: u16) {
        set_size(&self.master, columns, rows);
    }

    pub(crate) fn settings(&self) -> Termios {
        rustix::termios::tcgetattr(&self.slave).unwrap()
    }

    pub(crate) fn is_raw(&self) -> bool {
        let modes = self.settings().local_modes;
        !modes.contains(rustix::termios::LocalModes::ICANON)
    }

    /// Looks at the terminal until `words` have been shown; all that was, so far.
    pub(crate) fn shown(&mut self, words: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let text = String::from_utf8_lossy(&self.seen).into_owned();
            if text.contains(words) {
                return text;
            }
            assert!(Instant::now() < deadline, "no {words:?} in {text:?}");
            self.look();
        }
    }

    /// Types a key again and again until `words` are shown: a shell that gets a signal
    /// on its way to read hears of it only with the next.
    pub(crate) fn type_until(&mut self, key: &[u8], words: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !String::from_utf8_lossy(&self.seen).contains(words) {
            assert!(
                Instant::now() < deadline,
                "{key:?} is not followed by {words:?}"
            );
            self.type_in(key);
            let asked = Instant::now();
            while asked.elapsed() < Duration::from_millis(200) {
                self.look();
            }
        }
    }

    /// Why it ended, with all that was shown; keeps looking meanwhile.
    pub(crate) fn ended(mut self) -> (String, String) {
        let deadline = Instant::now() + PATIENCE;
        while self.user.try_wait().unwrap().is_none() {
            assert!(Instant::now() < deadline, "it does not end");
            self.look();
        }
        while self.look() {}
        (self.why(), String::from_utf8_lossy(&self.seen).into_owned())
    }

    /// Why it ended; nobody looks at the terminal meanwhile.
    pub(crate) fn ended_unseen(mut self) -> String {
        until("it has ended", || self.user.try_wait().unwrap().is_some());
        self.why()
    }

    /// Why it ended, and the terminal's settings after that.
    pub(crate) fn ended_with_settings(mut self) -> (String, Termios) {
        until("it has ended", || self.user.try_wait().unwrap().is_some());
        (self.why(), self.settings())
    }

    fn why(&mut self) -> String {
        let mut why = String::new();
        let stderr = self.user.stderr.as_mut().unwrap();
        stderr.read_to_string(&mut why).unwrap();
        why.trim_end().to_owned()
    }

    /// Whether there was something to see within a moment.
    fn look(&mut self) -> bool {
        let moment = Timespec {
            tv_sec: 0,
            tv_nsec: 20_000_000,
        };
        let mut set = [PollFd::from_borrowed_fd(self.master.as_fd(), PollFlags::IN)];
        if rustix::event::poll(&mut set, Some(&moment)).unwrap() == 0 {
            return false;
        }
        let mut buffer = [0; 65536];
        let length = self.master.read(&mut buffer).unwrap();
        self.seen.extend_from_slice(&buffer[..length]);
        true
    }
}

impl Drop for OnTerminal {
    fn drop(&mut self) {
        let _ = self.user.kill();
        let _ = self.user.wait();
    }
}

fn set_size(master: impl AsFd, columns: u16, rows: u16) {
    let size = Winsize {
        ws_col: columns,
        ws_row: rows,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    rustix::termios::tcsetwinsize(master, size).unwrap();
}
