//! A program on a pty, for as long as it runs.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::OFlags;
use rustix::termios::{LocalModes, SpecialCodeIndex};
use veld_sys::{Context, Failure};

use crate::lane::{Lane, Moved};
use crate::raw::RawTerminal;
use crate::signals::{Asked, Signals};
use crate::user::User;
use crate::wait::{drain, wait};

/// Why a relay is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// The program ended, and what it wrote was handed on. Its status is still
    /// there to be waited for.
    ProgramEnded,
    /// Nobody reads the output any more. The program runs; closing its pty, as
    /// dropping the master has done, hangs up on it.
    OutputGone,
    /// This signal asked us to end. The program runs, as above.
    Signal(i32),
}

/// Binds the user to the pty whose master is given until the program that
/// `program`, a pidfd, stands for has ended.
///
/// The user's terminal is raw meanwhile, so that Ctrl-C is a byte like others and
/// the pty makes a signal of it; its size is told at once and when it changes.
/// When the user's input ends (a pipe), the program is told by its end-of-file
/// character: once, or twice where the last line has no end, since the first
/// then only completes the line.
///
/// What the program's children write after its end is not waited for, even if
/// they keep the pty open.
///
/// # Errors
/// The user's end cannot be read or written, for another reason than being gone.
pub fn relay(master: OwnedFd, program: BorrowedFd<'_>, user: &User) -> Result<Over, Failure> {
    // The open file is ours alone. Else a long paste would block here while the
    // program blocks on output that nobody reads.
    rustix::fs::fcntl_getfl(&master)
        .and_then(|flags| rustix::fs::fcntl_setfl(&master, flags | OFlags::NONBLOCK))
        .context(|| "make the pty non-blocking")?;
    let signals = Signals::watch()?;
    let terminal = user.raw()?;
    let operation = || "duplicate the pty's descriptor";
    let (typed, shown) = user.ends()?;
    let into = master.try_clone().context(operation)?;
    let out_of = master.try_clone().context(operation)?;
    let mut input = Lane::new("input to the pty", typed, into);
    let mut output = Lane::new("output of the pty", out_of, shown);
    let mut last_typed = b'\n';
    tell_size(&master, user);
    loop {
        let woken = wait(&signals, Some(program), &[&input, &output])?;
        if woken.signal {
            match signals.next()? {
                Some(Asked::Resize) => tell_size(&master, user),
                Some(Asked::Continue) => {
                    terminal.as_ref().map_or(Ok(()), RawTerminal::enter_again)?
                }
                Some(Asked::End(signal)) => return Ok(Over::Signal(signal)),
                None => {}
            }
        }
        if woken.lane(1) && output.copy()? == Moved::SinkGone {
            return Ok(Over::OutputGone);
        }
        if woken.lane(0) {
            let moved = input.turn(|typed, queue| {
                last_typed = typed.last().copied().unwrap_or(last_typed);
                queue.extend_from_slice(typed);
            })?;
            if moved == Moved::SourceEnded {
                input.insert(&end_of_file(&master, last_typed));
            }
        }
        if woken.ended {
            return Ok(drain(&signals, &mut output)?.map_or(Over::ProgramEnded, Over::Signal));
        }
    }
}

fn tell_size(master: &OwnedFd, user: &User) {
    if let Some(size) = user.size() {
        // A pty that refuses it keeps the size it has.
        let _ = rustix::termios::tcsetwinsize(master.as_fd(), size);
    }
}

/// What a user would type to end the input.
fn end_of_file(master: &OwnedFd, last_typed: u8) -> Vec<u8> {
    const CONTROL_D: u8 = 4;
    let Ok(settings) = rustix::termios::tcgetattr(master) else {
        return vec![CONTROL_D];
    };
    let character = match settings.special_codes[SpecialCodeIndex::VEOF] {
        // There is none: what most terminals are set to says most.
        0 => CONTROL_D,
        set => set,
    };
    let by_lines = settings.local_modes.contains(LocalModes::ICANON);
    let times = if by_lines && last_typed != b'\n' && last_typed != b'\r' {
        2
    } else {
        1
    };
    vec![character; times]
}
