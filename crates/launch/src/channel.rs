//! The socket between parent and child, one type for each end.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socketpair,
};
use rustix::process::Pid;
use veld_protocol::boot::{FromChild, FromParent, LONGEST, Stage, StepFailure};
use veld_sys::process::Child;
use veld_sys::{Context, Failure};

use crate::error::Error;

/// How long a child that closed its socket may take to be dead.
const DYING: Duration = Duration::from_secs(1);

/// The parent's end.
#[derive(Debug)]
pub(crate) struct ParentEnd {
    socket: OwnedFd,
}

/// The child's end.
#[derive(Debug)]
pub(crate) struct ChildEnd {
    socket: OwnedFd,
}

/// Both ends, close-on-exec.
///
/// # Kernel
/// unix(7): SOCK_SEQPACKET keeps messages apart and ends when one side closes.
pub(crate) fn pair() -> Result<(ParentEnd, ChildEnd), Failure> {
    let (ours, theirs) = socketpair(
        AddressFamily::UNIX,
        SocketType::SEQPACKET,
        SocketFlags::CLOEXEC,
        None,
    )
    .context(|| "create a socket pair")?;
    Ok((ParentEnd { socket: ours }, ChildEnd { socket: theirs }))
}

impl ParentEnd {
    /// Lets the child go on.
    pub(crate) fn go(&self) -> Result<(), Failure> {
        send(&self.socket, &FromParent::Go.encode(), SendFlags::NOSIGNAL)
            .map(drop)
            .context(|| "tell the child to go on")
    }

    /// Waits until the child executes its program, says why not, or is silent
    /// past `patience`.
    pub(crate) fn outcome(&self, child: &Child, patience: Duration) -> Result<(), Error> {
        self.outcome_by(child, Instant::now() + patience, patience)
    }

    /// The same with `patience` that began before.
    pub(crate) fn outcome_by(
        &self,
        child: &Child,
        deadline: Instant,
        patience: Duration,
    ) -> Result<(), Error> {
        let mut executing = false;
        loop {
            match self.hear(deadline, patience)? {
                None if executing => return Ok(()),
                None => return Err(Error::silent(last_words(child))),
                Some(FromChild::Executing) => executing = true,
                Some(FromChild::Failed(failed)) => return Err(failed.into()),
                Some(FromChild::Born(_)) => return Err(unknown()),
            }
        }
    }

    /// Waits until the child has made the one that goes on in its place.
    pub(crate) fn born(&self, child: &Child, patience: Duration) -> Result<Pid, Error> {
        match self.hear(Instant::now() + patience, patience)? {
            Some(FromChild::Born(pid)) => Pid::from_raw(pid).ok_or_else(unknown),
            Some(FromChild::Failed(failed)) => Err(failed.into()),
            Some(FromChild::Executing) => Err(unknown()),
            None => Err(Error::silent(last_words(child))),
        }
    }

    /// The next message; none where the other end is closed.
    fn hear(&self, deadline: Instant, patience: Duration) -> Result<Option<FromChild>, Error> {
        self.wait_readable(deadline, patience)?;
        let mut buffer = [0; LONGEST];
        let (_, length) = recv(&self.socket, &mut buffer, RecvFlags::empty())
            .context(|| "hear from the child")?;
        match buffer.get(..length) {
            None | Some([]) => Ok(None),
            Some(bytes) => FromChild::decode(bytes).map(Some).ok_or_else(unknown),
        }
    }

    fn wait_readable(&self, deadline: Instant, patience: Duration) -> Result<(), Error> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let left = Timespec::try_from(left).unwrap_or_default();
            let mut fds = [PollFd::new(&self.socket, PollFlags::IN)];
            match poll(&mut fds, Some(&left)) {
                Ok(0) => {
                    let seconds = patience.as_secs();
                    let fact = format!("the child said nothing for {seconds} s");
                    return Err(Error::silent(fact));
                }
                Ok(_) => return Ok(()),
                Err(rustix::io::Errno::INTR) => {}
                Err(errno) => return Err(Failure::new("wait for the child", errno).into()),
            }
        }
    }
}

fn unknown() -> Error {
    Error::silent("the child said something unknown")
}

/// What became of a child that closed its socket without a word.
fn last_words(child: &Child) -> String {
    let status = child.reap(DYING);
    let how = status.and_then(
        |status| match (status.terminating_signal(), status.exit_status()) {
            (Some(signal), _) => Some(format!(" (signal {signal})")),
            (None, Some(code)) => Some(format!(" (status {code})")),
            (None, None) => None,
        },
    );
    format!("the child died before reporting{}", how.unwrap_or_default())
}

impl ChildEnd {
    /// Waits for the parent; none where the parent has gone.
    pub(crate) fn wait(&self) -> Option<FromParent> {
        let mut buffer = [0; LONGEST];
        let (_, length) = recv(&self.socket, &mut buffer, RecvFlags::empty()).ok()?;
        FromParent::decode(buffer.get(..length)?)
    }

    /// Another process goes on in place of this one.
    pub(crate) fn born(&self, pid: Pid) {
        self.say(&FromChild::Born(pid.as_raw_nonzero().get()));
    }

    /// The program comes next.
    pub(crate) fn executing(&self) {
        self.say(&FromChild::Executing);
    }

    /// A step failed. Nothing can be done where the parent no longer listens.
    pub(crate) fn failed(&self, stage: Stage, failure: &Failure) {
        // A cause that is not the kernel's comes without a number, and is not
        // passed on: the nearest that says something is EINVAL.
        let errno = failure
            .errno()
            .unwrap_or(rustix::io::Errno::INVAL.raw_os_error());
        let operation = failure.operation().to_owned();
        self.say(&FromChild::Failed(StepFailure {
            stage,
            errno,
            operation,
        }));
    }

    /// What was asked for cannot be, for a reason that is no errno.
    pub(crate) fn refused(&self, fact: String) {
        let stage = Stage::Preparing;
        self.say(&FromChild::Failed(StepFailure {
            stage,
            errno: 0,
            operation: fact,
        }));
    }

    fn say(&self, message: &FromChild) {
        let _ = send(&self.socket, &message.encode(), SendFlags::NOSIGNAL);
    }
}

impl AsFd for ChildEnd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
