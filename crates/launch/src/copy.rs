//! Files copied into a VE, out of one, or from one to another.
//!
//! A child does it, which may be given up: a file system in a VE may answer late or
//! never. It stays in the host's namespaces: the root of a VE that does not run is put
//! together for it and attached nowhere, in one that runs it goes by the root of PID 1, and
//! so by what the VE has mounted. It has nothing open of its parent's but what it copies.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::ops::ControlFlow;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::{Errno, fcntl_dupfd_cloexec};
use rustix::pipe::{PipeFlags, pipe_with};
use veld_privileges::Creator;
use veld_rootfs::{
    Access, CopyEvent, CopyJob, CopyTree, CopyWish, Ids, Layers, RootDir, copy_files, copy_input,
    copy_output, view,
};
use veld_sys::process::{Forked, exit_now, fork, send_signal};
use veld_sys::{Context, Failure};

use crate::error::Error;
use crate::inherited::let_go_of_all_but;

/// How long nothing may happen: a file system in the VE may wait for whoever it
/// belongs to.
const STALL: Duration = Duration::from_secs(30);
/// How often the parent looks whether it is to go on.
const LOOK_UP: Duration = Duration::from_millis(100);
/// How often the child says how far it is.
const WORD: Duration = Duration::from_millis(50);
/// How long the child may take to put away what is half done.
const TIDYING: Duration = Duration::from_secs(2);

/// A VE that is copied from or to.
#[derive(Debug)]
pub struct Guest<'a> {
    /// What its paths begin with in an error.
    pub name: &'a str,
    /// The host id of its root.
    pub first: u32,
    /// Where its root is.
    pub root: GuestRoot<'a>,
}

/// The root of a VE.
#[derive(Debug)]
pub enum GuestRoot<'a> {
    /// That of PID 1, which has this number.
    Running {
        /// The process.
        init: BorrowedFd<'a>,
        /// Its number.
        pid: i32,
    },
    /// One that is put together for this, of these.
    Stopped(Layers<'a>),
}

/// Where files are.
#[derive(Debug)]
pub enum Side<'a> {
    /// On the host.
    Host,
    /// In a VE.
    Guest(Guest<'a>),
    /// In the VE of the other side.
    Same,
}

/// What is copied.
#[derive(Debug, Clone, Copy)]
pub enum Copied<'a> {
    /// These to there.
    Files {
        /// Paths.
        sources: &'a [String],
        /// A directory, or what the only one becomes.
        destination: &'a str,
    },
    /// Standard input to this file.
    Input(&'a str),
    /// This file to standard output.
    Output(&'a str),
}

/// How far a copy is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes copied.
    pub bytes: u64,
    /// Files, directories and links copied.
    pub entries: u64,
    /// What was left out, of late.
    pub warnings: Vec<String>,
}

/// A copy that is to be made.
#[derive(Debug)]
pub struct Copying<'a> {
    /// Where from.
    pub from: Side<'a>,
    /// Where to.
    pub to: Side<'a>,
    /// What.
    pub what: Copied<'a>,
    /// How.
    pub wish: CopyWish,
}

/// Copies. Whoever is `told` how far it is may end it.
///
/// # Errors
/// Names the file; EINTR where it was ended; [`crate::ErrorKind::Silent`] where nothing
/// happened for half a minute.
pub fn copy(
    copying: &Copying<'_>,
    told: &mut dyn FnMut(&mut Progress) -> ControlFlow<()>,
) -> Result<(), Error> {
    let (words, said) = pipe_with(PipeFlags::CLOEXEC).context(|| "create a pipe")?;
    let (wish, ender) = pipe_with(PipeFlags::CLOEXEC).context(|| "create a pipe")?;
    match fork().context(|| "create a process that copies")? {
        Forked::Child => {
            drop((words, ender));
            run(copying, said, &wish)
        }
        Forked::Parent(child) => {
            drop((said, wish));
            // Whoever is at the other end of a stream may take all the time.
            let streams = !matches!(copying.what, Copied::Files { .. });
            let stall = (!streams).then_some(STALL);
            let heard = listen(words, ender, stall, told);
            child.end(Duration::ZERO);
            heard.unwrap_or_else(|| {
                let fact = "the process that copies died before reporting";
                Err(Error::silent(fact))
            })
        }
    }
}

/// Hears the child to its end; nothing where it ends without a word. Where nothing may
/// happen for longer than `stall` it is given up.
fn listen(
    words: OwnedFd,
    ender: OwnedFd,
    stall: Option<Duration>,
    told: &mut dyn FnMut(&mut Progress) -> ControlFlow<()>,
) -> Option<Result<(), Error>> {
    let mut ender = Some(ender);
    let mut progress = Progress::default();
    let patience = Timespec::try_from(LOOK_UP).unwrap_or_default();
    let later = || stall.map(|stall| Instant::now() + stall);
    let mut deadline = later();
    let watched = words.try_clone().ok()?;
    let mut lines = BufReader::new(File::from(words));
    loop {
        let buffered = !lines.buffer().is_empty();
        let ready = buffered
            || !matches!(
                poll(&mut [PollFd::new(&watched, PollFlags::IN)], Some(&patience)),
                Ok(0) | Err(Errno::INTR)
            );
        if ready {
            let mut line = String::new();
            match lines.read_line(&mut line) {
                Ok(0) | Err(_) => return None,
                Ok(_) => {}
            }
            if ender.is_some() {
                deadline = later();
            }
            if let Some(end) = heard(line.trim_end_matches('\n'), &mut progress) {
                let _ = told(&mut progress);
                return Some(end);
            }
        }
        if told(&mut progress).is_break() && ender.take().is_some() {
            deadline = Some(Instant::now() + TIDYING);
        }
        if deadline.is_none_or(|deadline| Instant::now() < deadline) {
            continue;
        }
        if ender.is_none() {
            return Some(Err(Failure::new("copy", Errno::INTR).into()));
        }
        let seconds = stall.unwrap_or_default().as_secs();
        let fact = format!("nothing was copied for {seconds} s");
        return Some(Err(Error::silent(fact)));
    }
}

/// What a line means: the end, or how far it is.
fn heard(line: &str, progress: &mut Progress) -> Option<Result<(), Error>> {
    let (kind, rest) = line.split_once(' ')?;
    match kind {
        "at" => {
            let mut numbers = rest.split(' ').map(str::parse);
            if let (Some(Ok(bytes)), Some(Ok(entries))) = (numbers.next(), numbers.next()) {
                (progress.bytes, progress.entries) = (bytes, entries);
            }
            None
        }
        "warning" => {
            progress.warnings.push(rest.to_owned());
            None
        }
        "done" => Some(Ok(())),
        "failed" => {
            let (errno, operation) = rest.split_once(' ')?;
            let cause = io::Error::from_raw_os_error(errno.parse().ok()?);
            Some(Err(Failure::new(operation, cause).into()))
        }
        _ => None,
    }
}

/// The child's way to its parent.
struct Speaker<'a> {
    out: File,
    wish: &'a OwnedFd,
    bytes: u64,
    entries: u64,
    last: Instant,
}

impl Speaker<'_> {
    fn tell(&mut self, event: CopyEvent) -> io::Result<()> {
        match event {
            CopyEvent::Bytes(bytes) => self.bytes += bytes,
            CopyEvent::Entry => self.entries += 1,
            CopyEvent::Warning(text) => self.say("warning", &text)?,
        }
        if self.last.elapsed() >= WORD {
            self.at()?;
            self.must_go_on()?;
        }
        Ok(())
    }

    fn at(&mut self) -> io::Result<()> {
        self.last = Instant::now();
        let text = format!("{} {}", self.bytes, self.entries);
        self.say("at", &text)
    }

    /// A line, whatever names of the VE are in it.
    fn say(&mut self, kind: &str, text: &str) -> io::Result<()> {
        let text = text.replace('\n', "\\n");
        self.out.write_all(format!("{kind} {text}\n").as_bytes())
    }

    /// The other end is closed where the copy is to end, and where nobody is there.
    fn must_go_on(&self) -> io::Result<()> {
        let now = Timespec::default();
        match poll(&mut [PollFd::new(self.wish, PollFlags::IN)], Some(&now)) {
            Ok(0) => Ok(()),
            _ => Err(Errno::INTR.into()),
        }
    }

    fn end(&mut self, done: &Result<(), Failure>) {
        let _ = self.at();
        let _ = match done {
            Ok(()) => self.say("done", ""),
            Err(failure) => {
                let errno = failure.errno().unwrap_or(Errno::IO.raw_os_error());
                self.say("failed", &format!("{errno} {}", failure.operation()))
            }
        };
    }
}

fn run(copying: &Copying<'_>, said: OwnedFd, wish: &OwnedFd) -> ! {
    let mut speaker = Speaker {
        out: File::from(said),
        wish,
        bytes: 0,
        entries: 0,
        last: Instant::now(),
    };
    let done = work(copying, &mut speaker);
    speaker.end(&done);
    exit_now(i32::from(done.is_err()))
}

fn work(copying: &Copying<'_>, speaker: &mut Speaker<'_>) -> Result<(), Failure> {
    // No key of a terminal ends it but by way of its parent.
    let _ = rustix::process::setsid();
    let stream = stream(copying.what)?;
    let mut keep = vec![speaker.out.as_fd(), speaker.wish.as_fd()];
    keep.extend(stream.as_ref().map(AsFd::as_fd));
    for side in [&copying.from, &copying.to] {
        if let Side::Guest(guest) = side
            && let GuestRoot::Running { init, .. } = guest.root
        {
            keep.push(init);
        }
    }
    let_go_of_all_but(&keep)?;
    rustix::process::umask(Mode::empty());
    let [from, to] = [tree(&copying.from)?, tree(&copying.to)?];
    let (from, to) = match (&from, &to) {
        (Some(from), None) => (from, from),
        (None, Some(to)) => (to, to),
        (Some(from), Some(to)) => (from, to),
        (None, None) => return Err(Failure::new("copy", Errno::INVAL)),
    };
    let _owner = owner_of_copies(copying).map(Creator::assume).transpose()?;
    let wish = copying.wish;
    let told = &mut |event| speaker.tell(event);
    match (copying.what, &stream) {
        (
            Copied::Files {
                sources,
                destination,
            },
            _,
        ) => copy_files(CopyJob { from, to, wish }, sources, destination, told),
        (Copied::Input(destination), Some(input)) => copy_input(input, to, destination, wish, told),
        (Copied::Output(source), Some(output)) => copy_output(from, source, output, told),
        (Copied::Input(_) | Copied::Output(_), None) => Err(Failure::new("copy", Errno::BADF)),
    }
}

/// The standard stream that is copied, under a number that stays.
fn stream(what: Copied<'_>) -> Result<Option<OwnedFd>, Failure> {
    const BEHIND_STANDARD: i32 = 3;
    let copied = match what {
        Copied::Files { .. } => return Ok(None),
        Copied::Input(_) => fcntl_dupfd_cloexec(io::stdin(), BEHIND_STANDARD),
        Copied::Output(_) => fcntl_dupfd_cloexec(io::stdout(), BEHIND_STANDARD),
    };
    copied.map(Some).context(|| "duplicate a standard stream")
}

fn is_stopped(side: &Side<'_>) -> bool {
    matches!(
        side,
        Side::Guest(Guest {
            root: GuestRoot::Stopped(_),
            ..
        })
    )
}

/// The tree of a side; nothing where it is that of the other.
fn tree(side: &Side<'_>) -> Result<Option<CopyTree>, Failure> {
    let guest = match side {
        Side::Same => return Ok(None),
        Side::Host => return Ok(Some(CopyTree::of_host())),
        Side::Guest(guest) => guest,
    };
    let (root, shift) = match guest.root {
        GuestRoot::Running { init, pid } => (root_of(init, pid)?, guest.first),
        GuestRoot::Stopped(layers) => (view(layers, Access::Write)?, 0),
    };
    let first = guest.first;
    let ids = Ids::Guest { first, shift };
    let root = RootDir::from_fd(root);
    Ok(Some(CopyTree::of_guest(root, guest.name, ids)))
}

/// The root of PID 1 of a VE.
pub(crate) fn root_of(init: BorrowedFd<'_>, pid: i32) -> Result<OwnedFd, Failure> {
    let open = || -> io::Result<OwnedFd> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = openat(CWD, format!("/proc/{pid}/root"), flags, Mode::empty());
        // Signal 0 is sent to nobody. If PID 1 is there now, it was its number.
        send_signal(init, 0)?;
        Ok(root?)
    };
    open().context(|| "open the root of the VE")
}

/// Who makes the copies, where the host's root has no id there.
fn owner_of_copies(copying: &Copying<'_>) -> Option<u32> {
    let side = match (&copying.from, &copying.to) {
        (from, Side::Same) => from,
        (_, to) => to,
    };
    match side {
        Side::Guest(guest) if !is_stopped(side) => Some(guest.first),
        Side::Guest(_) | Side::Host | Side::Same => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_the_child_are_heard() {
        let mut progress = Progress::default();
        assert!(heard("at 5 2", &mut progress).is_none());
        assert!(heard("warning left out a\\nb", &mut progress).is_none());
        assert_eq!((progress.bytes, progress.entries), (5, 2));
        assert_eq!(progress.warnings, ["left out a\\nb"]);
        assert!(matches!(heard("done ", &mut progress), Some(Ok(()))));
        let failed = heard("failed 28 copy web1:/x", &mut progress);
        let failed = failed.unwrap().unwrap_err();
        assert_eq!(failed.to_string(), "cannot copy web1:/x");
        assert_eq!(failed.errno(), Some(28));
        assert!(heard("nonsense", &mut progress).is_none());
    }

    #[test]
    fn a_child_that_says_nothing_is_given_up() {
        let (words, mut said) = std::io::pipe().unwrap();
        let (_wish, ender) = std::io::pipe().unwrap();
        said.write_all(b"at 5 2\n").unwrap();
        let stall = Some(Duration::from_secs(1));
        let mut bytes = 0;
        let begun = Instant::now();
        let heard = listen(words.into(), ender.into(), stall, &mut |progress| {
            bytes = progress.bytes;
            ControlFlow::Continue(())
        });
        let given_up = heard.unwrap().unwrap_err();
        assert_eq!(given_up.to_string(), "nothing was copied for 1 s");
        assert_eq!(bytes, 5);
        assert!(begun.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn one_who_ends_it_does_not_wait_for_a_child_that_cannot_end() {
        let (words, _said) = std::io::pipe().unwrap();
        let (_wish, ender) = std::io::pipe().unwrap();
        let heard = listen(words.into(), ender.into(), None, &mut |_| {
            ControlFlow::Break(())
        });
        let ended = heard.unwrap().unwrap_err();
        assert_eq!(ended.errno(), Some(Errno::INTR.raw_os_error()));
    }
}
