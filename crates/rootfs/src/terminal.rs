//! Pseudo-terminals of a devpts that is not the host's.

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{Mode, OFlags, openat};
use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use veld_sys::{Context, Failure, fault};

/// Both ends of one pseudo-terminal.
#[derive(Debug)]
pub struct Terminal {
    /// What a user's keyboard and screen are joined to.
    pub master: OwnedFd,
    /// What programs have as their terminal.
    pub slave: OwnedFd,
}

/// Rows and columns of characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TerminalSize {
    /// Lines.
    pub rows: u16,
    /// Characters in a line.
    pub columns: u16,
}

impl Default for TerminalSize {
    fn default() -> Self {
        Self {
            rows: 24,
            columns: 80,
        }
    }
}

/// Opens a new terminal in the devpts whose root directory is `devpts`.
///
/// The slave is had from the master, never by a name that others could replace.
///
/// # Errors
/// ENOSPC where the devpts or the machine has no terminal left.
///
/// # Kernel
/// pts(4); TIOCGPTPEER in ioctl_tty(2): Linux 4.13.
pub fn open_terminal(devpts: impl AsFd, size: TerminalSize) -> Result<Terminal, Failure> {
    let open = || -> std::io::Result<Terminal> {
        fault::point("open terminal")?;
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let master = openat(devpts, "ptmx", flags, Mode::empty())?;
        unlockpt(&master)?;
        let slave = ioctl_tiocgptpeer(
            &master,
            OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC,
        )?;
        let window = Winsize {
            ws_row: size.rows,
            ws_col: size.columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&master, window)?;
        Ok(Terminal { master, slave })
    };
    open().context(|| "open a terminal of the VE")
}
