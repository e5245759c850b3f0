//! The socket between parent and child, one type for each end.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socketpair,
};
use veld_protocol::boot::{FromChild, FromParent, LONGEST, Stage, StepFailure};
use veld_sys::process::Child;
use veld_sys::{Context, Failure};

use crate::error::Error;

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
        let deadline = Instant::now() + patience;
        let mut executing = false;
        loop {
            self.wait_readable(deadline, patience)?;
            let mut buffer = [0; LONGEST];
            let (_, length) = recv(&self.socket, &mut buffer, RecvFlags::empty())
                .context(|| "hear from the child")?;
            match buffer.get(..length) {
                None | Some([]) if executing => return Ok(()),
                None | Some([]) => return Err(Error::silent(last_words(child))),
                Some(bytes) => match FromChild::decode(bytes) {
                    Some(FromChild::Executing) => executing = true,
                    Some(FromChild::Failed(failed)) => return Err(failed.into()),
                    None => return Err(Error::silent("the child said something unknown")),
                },
            }
        }
    }

    fn wait_readable(&self, deadline: Instant, patience: Duration) -> Result<(), Error> {
        let left = deadline.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).unwrap_or_default();
        let mut fds = [PollFd::new(&self.socket, PollFlags::IN)];
        match poll(&mut fds, Some(&left)) {
            Ok(0) => Err(Error::silent(format!(
                "the child said nothing for {} s",
                patience.as_secs()
            ))),
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(errno) => Err(Failure::new("wait for the child", errno).into()),
        }
    }
}

/// What became of a child that closed its socket without a word.
fn last_words(child: &Child) -> String {
    use rustix::process::{WaitId, WaitIdOptions, waitid};
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    match waitid(WaitId::PidFd(child.pidfd.as_fd()), options) {
        Ok(Some(status)) => match (status.terminating_signal(), status.exit_status()) {
            (Some(signal), _) => format!("the child died before reporting (signal {signal})"),
            (None, Some(code)) => format!("the child died before reporting (status {code})"),
            (None, None) => "the child died before reporting".to_owned(),
        },
        _ => "the child died before reporting".to_owned(),
    }
}

impl ChildEnd {
    /// Waits for the parent; none where the parent has gone.
    pub(crate) fn wait(&self) -> Option<FromParent> {
        let mut buffer = [0; LONGEST];
        let (_, length) = recv(&self.socket, &mut buffer, RecvFlags::empty()).ok()?;
        FromParent::decode(buffer.get(..length)?)
    }

    /// The program comes next.
    pub(crate) fn executing(&self) {
        self.say(&FromChild::Executing);
    }

    /// A step failed. Nothing can be done where the parent no longer listens.
    pub(crate) fn failed(&self, stage: Stage, failure: &Failure) {
        self.say(&FromChild::Failed(StepFailure {
            stage,
            errno: failure
                .errno()
                .unwrap_or(rustix::io::Errno::IO.raw_os_error()),
            operation: failure.operation().to_owned(),
        }));
    }

    fn say(&self, message: &FromChild) {
        let _ = send(&self.socket, &message.encode(), SendFlags::NOSIGNAL);
    }
}

impl AsFd for ParentEnd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
