//! The VE's console, as long as the user wants it.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::Instant;

use rustix::termios::Winsize;
use veld_protocol::console::{Size, data_header, resize};
use veld_sys::{Context, Failure};

use crate::escape::{Escape, Wish};
use crate::lane::{Lane, Moved};
use crate::raw::RawTerminal;
use crate::signals::{Asked, Signals};
use crate::user::User;
use crate::wait::wait;

/// Why an attached console was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// The user typed an escape, or nobody looks at the output any more.
    Detached,
    /// The shim closed the connection: the VE ended, or the shim did, or it has
    /// no seat free and has said so.
    Ended,
    /// This signal asked us to end.
    Signal(i32),
}

/// Shows the console behind `socket` to the user, and hands on what they type,
/// until either leaves.
///
/// From a terminal, which is made raw meanwhile, Ctrl-] three times within two
/// seconds or `~.` at the start of a line leaves. From anything else every byte
/// is handed on, and its end ends nothing: output is shown until the VE ends, as
/// ssh does (`veld console web1 </dev/null` watches).
///
/// # Errors
/// The user's end cannot be read or written, for another reason than being gone.
pub fn attach(socket: UnixStream, user: &User) -> Result<Left, Failure> {
    socket
        .set_nonblocking(true)
        .context(|| "make the console's socket non-blocking")?;
    let signals = Signals::watch()?;
    let terminal = user.raw()?;
    let mut attached = Attached::new(socket, user, terminal.as_ref())?;
    loop {
        attached.tell_size(user);
        let woken = wait(&signals, None, &[&attached.input, &attached.output])?;
        if woken.signal {
            match signals.next()? {
                Some(Asked::Resize) => attached.size_is_due = true,
                Some(Asked::Continue) => {
                    terminal.as_ref().map_or(Ok(()), RawTerminal::enter_again)?
                }
                Some(Asked::End(signal)) => return Ok(Left::Signal(signal)),
                None => {}
            }
        }
        if woken.lane(1) {
            match attached.output.copy()? {
                Moved::Some(_) => {}
                Moved::SourceEnded => return Ok(Left::Ended),
                Moved::SinkGone => return Ok(Left::Detached),
            }
        }
        if woken.lane(0) && attached.hand_on_input()? == Wish::Leave {
            return Ok(Left::Detached);
        }
    }
}

/// Both directions, and what the user's keys mean.
#[derive(Debug)]
struct Attached {
    input: Lane,
    output: Lane,
    /// None where what is typed comes from no terminal, and may be anything.
    escape: Option<Escape>,
    began: Instant,
    size_is_due: bool,
}

impl Attached {
    fn new(
        socket: UnixStream,
        user: &User,
        terminal: Option<&RawTerminal>,
    ) -> Result<Self, Failure> {
        let (typed, shown) = user.ends()?;
        let sent = socket
            .try_clone()
            .context(|| "duplicate the console's socket")?;
        Ok(Self {
            input: Lane::new("input to the console", typed, OwnedFd::from(sent)),
            output: Lane::new("output of the console", OwnedFd::from(socket), shown),
            escape: terminal.map(|_| Escape::new()),
            began: Instant::now(),
            size_is_due: true,
        })
    }

    /// Only behind what is on its way, so that however often the window changes
    /// while the console takes nothing, one message waits.
    fn tell_size(&mut self, user: &User) {
        if self.size_is_due && self.input.is_clear() {
            self.size_is_due = false;
            if let Some(size) = user.size() {
                self.input.insert(&resize(message(size)));
            }
        }
    }

    fn hand_on_input(&mut self) -> Result<Wish, Failure> {
        let mut wish = Wish::Stay;
        let escape = &mut self.escape;
        let now = self.began.elapsed();
        self.input.turn(|typed, queue| {
            let mut through = Vec::with_capacity(typed.len() + 1);
            match escape {
                Some(escape) => wish = escape.pass(typed, now, &mut through),
                None => through.extend_from_slice(typed),
            }
            // One read is far below what a message can hold.
            if let Ok(length @ 1..) = u16::try_from(through.len()) {
                queue.extend_from_slice(&data_header(length));
                queue.append(&mut through);
            }
        })?;
        Ok(wish)
    }
}

fn message(size: Winsize) -> Size {
    Size {
        columns: size.ws_col,
        rows: size.ws_row,
    }
}
