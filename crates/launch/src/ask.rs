//! A question to a VE: a program is run in it for what it prints, and may as
//! well print garbage, print for ever, say nothing, or never get to run.
//!
//! ```text
//! caller            asker                     program, in the VE
//!   |  ---fork--->    |
//!   |                 |  ------enter------->    |
//!   |                 |  <----- output -----    |
//!   |                 |  kills it when late
//!   |  <-- answer --  |
//!   |  kills the asker when that is late
//! ```
//!
//! The way into a VE that is frozen has no end, so it is the asker's to go. Where
//! it is killed, what is on its way finds nobody to report to, and ends as soon
//! as it runs. Until then it holds nothing of the caller's.

use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use veld_sys::process::{Forked, exit_now, fork};
use veld_sys::{Context, Failure, chain};

use crate::enter::{Entered, Entry, enter};
use crate::inherited::let_go_of_all_but;

/// What a program said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its exit status.
    pub status: u8,
    /// All that it printed on its standard output.
    pub output: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoAnswer {
    /// None came in time.
    Late,
    /// It could not be asked, or said what nobody can use: the reason.
    Failed(String),
}

/// How much longer than the program the asker may take.
const SLACK: Duration = Duration::from_millis(300);

/// How long a killed process may take to go.
const DYING: Duration = Duration::from_millis(500);

/// The first byte of what the asker says.
const ANSWERED: u8 = b'a';
const LATE: u8 = b'l';
const FAILED: u8 = b'f';

/// Runs the program of `entry` for its output, of which there may be at most
/// `most` bytes, and kills it where it takes longer than `patience`. It has
/// nothing on its standard input, and what it says on its standard error goes
/// nowhere. This process stays as dumpable as it is.
///
/// # Errors
/// See [`NoAnswer`].
pub fn ask(entry: Entry<'_>, patience: Duration, most: usize) -> Result<Answer, NoAnswer> {
    let deadline = Instant::now() + patience;
    let (reader, writer) = pipe().map_err(|failure| failed(&failure))?;
    let forked = fork().context(|| "create a process that asks");
    match forked.map_err(|failure| failed(&failure))? {
        Forked::Child => {
            drop(reader);
            let said = spell(run(entry, &writer, deadline, most));
            let sent = File::from(writer).write_all(&said);
            exit_now(i32::from(sent.is_err()));
        }
        Forked::Parent(asker) => {
            drop(writer);
            let heard = hear(&reader, None, deadline + SLACK, most + 2);
            asker.end(DYING);
            read_back(heard?)
        }
    }
}

/// The asker's part.
fn run(
    entry: Entry<'_>,
    said_to: &OwnedFd,
    deadline: Instant,
    most: usize,
) -> Result<Answer, NoAnswer> {
    // What is on its way into a VE that froze has all that the asker has, until
    // somebody thaws it.
    let mut keep = entry.cgroup.descriptors();
    keep.extend([entry.init, said_to.as_fd()]);
    let_go_of_all_but(&keep).map_err(|failure| failed(&failure))?;
    let open = || -> Result<_, Failure> {
        let flags = OFlags::RDWR | OFlags::CLOEXEC;
        let null = rustix::fs::open("/dev/null", flags, Mode::empty());
        Ok((null.context(|| "open /dev/null")?, pipe()?))
    };
    let (null, (output, theirs)) = open().map_err(|failure| failed(&failure))?;
    let mut entry: Entry<'_> = entry;
    entry.stdio = [null.as_fd(), theirs.as_fd(), null.as_fd()].map(Some);
    let program = enter(entry).map_err(|error| failed(&error))?;
    drop((theirs, null));
    let heard = hear(&output, Some(program.child.pidfd.as_fd()), deadline, most);
    let answer = heard.and_then(|output| {
        let status = ended(&program, deadline)?;
        Ok(Answer { status, output })
    });
    program.end(DYING);
    answer
}

fn ended(program: &Entered, deadline: Instant) -> Result<u8, NoAnswer> {
    let status = program.reap(until(deadline)).ok_or(NoAnswer::Late)?;
    match (status.exit_status(), status.terminating_signal()) {
        (Some(status), _) => Ok(u8::try_from(status).unwrap_or(u8::MAX)),
        (None, signal) => {
            let signal = signal.unwrap_or_default();
            Err(NoAnswer::Failed(format!("was killed by signal {signal}")))
        }
    }
}

/// Reads to the end of file, or until `program` has ended and nothing more is
/// there: its children may hold the other end for ever.
fn hear(
    from: &OwnedFd,
    program: Option<BorrowedFd<'_>>,
    deadline: Instant,
    most: usize,
) -> Result<Vec<u8>, NoAnswer> {
    let mut all = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let mut fds = vec![PollFd::new(from, PollFlags::IN)];
        fds.extend(program.map(|pidfd| PollFd::from_borrowed_fd(pidfd, PollFlags::IN)));
        let left = Timespec::try_from(until(deadline)).unwrap_or_default();
        match poll(&mut fds, Some(&left)) {
            Ok(0) => return Err(NoAnswer::Late),
            Ok(_) => {}
            Err(Errno::INTR) => continue,
            Err(errno) => return Err(failed(&Failure::new("wait for an answer", errno))),
        }
        if fds.first().is_some_and(|fd| fd.revents().is_empty()) {
            return Ok(all);
        }
        match rustix::io::read(from, &mut buffer) {
            Ok(0) => return Ok(all),
            Ok(length) => all.extend_from_slice(buffer.get(..length).unwrap_or_default()),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(failed(&Failure::new("hear an answer", errno))),
        }
        if all.len() > most {
            return Err(NoAnswer::Failed(format!("said more than {most} bytes")));
        }
    }
}

fn until(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

fn pipe() -> Result<(OwnedFd, OwnedFd), Failure> {
    pipe_with(PipeFlags::CLOEXEC).context(|| "create a pipe")
}

fn failed(error: &dyn std::error::Error) -> NoAnswer {
    NoAnswer::Failed(chain(error))
}

/// What the asker says.
fn spell(result: Result<Answer, NoAnswer>) -> Vec<u8> {
    match result {
        Ok(answer) => [&[ANSWERED, answer.status][..], &answer.output].concat(),
        Err(NoAnswer::Late) => vec![LATE],
        Err(NoAnswer::Failed(why)) => [&[FAILED][..], why.as_bytes()].concat(),
    }
}

fn read_back(said: Vec<u8>) -> Result<Answer, NoAnswer> {
    match said.as_slice() {
        [ANSWERED, status, output @ ..] => Ok(Answer {
            status: *status,
            output: output.to_vec(),
        }),
        [LATE] => Err(NoAnswer::Late),
        [FAILED, why @ ..] => Err(NoAnswer::Failed(String::from_utf8_lossy(why).into_owned())),
        _ => Err(NoAnswer::Failed("died before it had asked".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_asker_says_is_understood() {
        let answer = Answer {
            status: 3,
            output: b"a b\n".to_vec(),
        };
        for result in [
            Ok(answer),
            Err(NoAnswer::Late),
            Err(NoAnswer::Failed("cannot x: y".to_owned())),
        ] {
            assert_eq!(read_back(spell(result.clone())), result);
        }
        assert!(matches!(read_back(Vec::new()), Err(NoAnswer::Failed(_))));
    }

    #[test]
    fn too_much_and_too_late_is_not_heard() {
        let (reader, writer) = pipe().unwrap();
        let soon = || Instant::now() + Duration::from_millis(20);
        assert_eq!(hear(&reader, None, soon(), 4), Err(NoAnswer::Late));
        let mut writer = File::from(writer);
        writer.write_all(b"12345").unwrap();
        assert!(matches!(
            hear(&reader, None, soon(), 4),
            Err(NoAnswer::Failed(_))
        ));
        writer.write_all(b"1234").unwrap();
        drop(writer);
        assert_eq!(hear(&reader, None, soon(), 4), Ok(b"1234".to_vec()));
    }
}
