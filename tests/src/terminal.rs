//! A terminal of which the test is the screen and the keyboard.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process::Stdio;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::pty::OpenptFlags;
use rustix::termios::{LocalModes, Winsize};

use crate::command::{Cmd, Running};
use crate::wait::{PATIENCE, eventually, within};

/// A program on a terminal of its own, of 100 columns and 30 rows at first.
#[derive(Debug)]
pub struct Terminal {
    master: File,
    slave: OwnedFd,
    running: Running,
    seen: Vec<u8>,
}

impl Terminal {
    /// Starts a program that makes its standard input its controlling terminal.
    pub(crate) fn start(mut cmd: Cmd) -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let master = rustix::pty::openpt(flags).unwrap();
        rustix::pty::unlockpt(&master).unwrap();
        let slave = rustix::pty::ioctl_tiocgptpeer(&master, flags).unwrap();
        set_size(&master, 100, 30);
        let copy = || Stdio::from(slave.try_clone().unwrap());
        cmd.inner().stdin(copy()).stdout(copy()).stderr(copy());
        cmd.inner().env("TERM", "vt220");
        Self {
            running: cmd.spawn_as_it_is(),
            master: File::from(master),
            slave,
            seen: Vec::new(),
        }
    }

    /// The program's number.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.running.pid()
    }

    /// Types.
    ///
    /// # Panics
    /// Where the terminal takes nothing.
    pub fn type_in(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).unwrap();
    }

    /// Makes the window another size.
    ///
    /// # Panics
    /// Where the kernel refuses.
    pub fn resize(&self, columns: u16, rows: u16) {
        set_size(&self.master, columns, rows);
    }

    /// Whether keys are handed on one by one, as for an editor.
    ///
    /// # Panics
    /// Where the kernel does not say.
    #[must_use]
    pub fn is_raw(&self) -> bool {
        let settings = rustix::termios::tcgetattr(&self.slave).unwrap();
        !settings.local_modes.contains(LocalModes::ICANON)
    }

    /// Looks until `words` are on the screen, and gives all that was shown.
    ///
    /// # Panics
    /// Where they do not come.
    pub fn shows(&mut self, words: &str) -> String {
        let shown = within(PATIENCE, || {
            self.look();
            let text = self.text();
            text.contains(words).then_some(text)
        });
        shown.unwrap_or_else(|| panic!("no {words:?} in {:?}", self.text()))
    }

    /// All that is on the screen so far.
    pub fn shown(&mut self) -> String {
        self.look();
        self.text()
    }

    /// Forgets what was shown so far.
    pub fn clear(&mut self) {
        self.look();
        self.seen.clear();
    }

    /// Waits for the program's end: its status, and all that was shown.
    ///
    /// # Panics
    /// Where it does not end.
    #[must_use]
    pub fn ended(mut self) -> (i32, String) {
        eventually("the program on the terminal ends", || {
            self.look();
            self.running.has_ended().then_some(())
        });
        self.look();
        let text = self.text();
        (self.running.output().status, text)
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.seen).into_owned()
    }

    /// Takes what there is to see.
    fn look(&mut self) {
        let now = Timespec::default();
        loop {
            let mut set = [PollFd::from_borrowed_fd(self.master.as_fd(), PollFlags::IN)];
            if rustix::event::poll(&mut set, Some(&now)).unwrap() == 0 {
                return;
            }
            let mut buffer = [0; 65536];
            let length = self.master.read(&mut buffer).unwrap();
            self.seen.extend_from_slice(&buffer[..length]);
        }
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
