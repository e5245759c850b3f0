//! Events as they happen.
//!
//! ```text
//! run directory        a VE's directory is made: it is looked at from then on
//! └── NAME             its file of events is made, for the first time or anew
//!     └── events       something was appended
//! ```
//!
//! All three are watched, so that nothing is asked of the kernel while nothing
//! happens, and nothing at all of the VEs.

use std::collections::BTreeMap;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::io::Errno;
use veld_config::VeName;
use veld_protocol::shim::EVENTS;
use veld_supervisor::Host;
use veld_sys::{Context, Failure};

use super::{Line, Log, Which, print};
use crate::report::Failed;

/// How often it is looked for a run directory that is not there, as before the
/// first start of a VE.
const LOOK: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 200_000_000,
};

/// Prints what is on record and goes on, until the reader of the output is gone.
pub(super) fn follow(host: &Host, which: &Which, json: bool) -> Result<(), Failed> {
    let mut follower = Follower::new(host, which, json)?;
    let mut lines = follower.look_for_all()?;
    loop {
        print(std::mem::take(&mut lines))?;
        match follower.wait()? {
            Woken::ReaderGone => return Ok(()),
            Woken::Late => lines = follower.look_for_all()?,
            Woken::Ready => lines = follower.take()?,
        }
    }
}

/// What a wait ended by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Woken {
    ReaderGone,
    Late,
    Ready,
}

/// What a watch is of.
#[derive(Debug, Clone)]
enum Place {
    Run,
    Directory(VeName),
    File(VeName),
}

struct Follower<'a> {
    host: &'a Host,
    which: &'a Which,
    json: bool,
    inotify: OwnedFd,
    places: BTreeMap<i32, Place>,
    logs: BTreeMap<VeName, Log>,
    has_run: bool,
}

impl<'a> Follower<'a> {
    fn new(host: &'a Host, which: &'a Which, json: bool) -> Result<Self, Failure> {
        let flags = CreateFlags::CLOEXEC | CreateFlags::NONBLOCK;
        let inotify = inotify::init(flags).context(|| "create an inotify instance")?;
        Ok(Self {
            host,
            which,
            json,
            inotify,
            places: BTreeMap::new(),
            logs: BTreeMap::new(),
            has_run: false,
        })
    }

    /// Watches all there is, and reads what is new of it.
    fn look_for_all(&mut self) -> Result<Vec<Line>, Failure> {
        let run = self.host.config().paths.run.clone();
        let made = WatchFlags::CREATE | WatchFlags::MOVED_TO | WatchFlags::ONLYDIR;
        // Watched before it is listed, so that none is missed.
        self.has_run = self.watch(&run, made, Place::Run)?;
        let mut lines = Vec::new();
        for name in self.which.present(self.host)? {
            lines.extend(self.look_at(&name)?);
        }
        Ok(lines)
    }

    /// Watches a VE, and reads what is new of it.
    fn look_at(&mut self, name: &VeName) -> Result<Vec<Line>, Failure> {
        let directory = self.host.config().paths.run.join(name.as_str());
        let made = WatchFlags::CREATE | WatchFlags::MOVED_TO | WatchFlags::ONLYDIR;
        if !self.watch(&directory, made, Place::Directory(name.clone()))? {
            return Ok(Vec::new());
        }
        let file = directory.join(EVENTS);
        self.watch(&file, WatchFlags::MODIFY, Place::File(name.clone()))?;
        if let Some(log) = self.logs.get_mut(name) {
            return log.more(self.json);
        }
        let mut log = Log::open(self.host, name)?;
        let lines = log.all(self.json)?;
        self.logs.insert(name.clone(), log);
        Ok(lines)
    }

    /// Whether there is something at `path` that is watched from now on.
    fn watch(&mut self, path: &Path, flags: WatchFlags, place: Place) -> Result<bool, Failure> {
        match inotify::add_watch(&self.inotify, path, flags | WatchFlags::DONT_FOLLOW) {
            Ok(number) => {
                self.places.insert(number, place);
                Ok(true)
            }
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(false),
            Err(errno) => Err(Failure::new(format!("watch {}", path.display()), errno)),
        }
    }

    /// Its directory is gone. Where there is a new one already, that is what is read.
    fn forget(&mut self, name: &VeName) {
        let is_another = |place: &Place| matches!(place, Place::Directory(other) if other == name);
        if !self.places.values().any(is_another) {
            self.logs.remove(name);
        }
    }

    fn wait(&self) -> Result<Woken, Failure> {
        let stdout = std::io::stdout();
        let mut awaited = [
            PollFd::from_borrowed_fd(self.inotify.as_fd(), PollFlags::IN),
            // A pipe whose reader is gone says so unasked.
            PollFd::from_borrowed_fd(stdout.as_fd(), PollFlags::empty()),
        ];
        let patience = (!self.has_run).then_some(&LOOK);
        match poll(&mut awaited, patience) {
            Ok(0) => Ok(Woken::Late),
            Ok(_) if !awaited[1].revents().is_empty() => Ok(Woken::ReaderGone),
            Ok(_) | Err(Errno::INTR) => Ok(Woken::Ready),
            Err(errno) => Err(Failure::new("wait for events", errno)),
        }
    }

    /// Takes what the kernel has to say, and reads what that is about.
    fn take(&mut self) -> Result<Vec<Line>, Failure> {
        let changes = changes(&self.inotify)?;
        if changes.iter().any(|change| change.lost) {
            return self.look_for_all();
        }
        // Whether there is a new directory or file to watch.
        let mut about: BTreeMap<VeName, bool> = BTreeMap::new();
        for change in changes {
            let place = if change.gone {
                self.places.remove(&change.watch)
            } else {
                self.places.get(&change.watch).cloned()
            };
            match place {
                Some(Place::Run) if change.gone => self.has_run = false,
                Some(Place::Run) => {
                    about.extend(self.which.pick(&change.name).map(|name| (name, true)));
                }
                Some(Place::Directory(name)) if change.gone => self.forget(&name),
                Some(Place::Directory(name)) if change.name == EVENTS => {
                    about.insert(name, true);
                }
                Some(Place::File(name)) => {
                    about.entry(name).or_default();
                }
                Some(Place::Directory(_)) | None => {}
            }
        }
        let mut lines = Vec::new();
        for (name, is_new) in about {
            lines.extend(match self.logs.get_mut(&name) {
                Some(log) if !is_new => log.more(self.json)?,
                _ => self.look_at(&name)?,
            });
        }
        Ok(lines)
    }
}

/// One thing that the kernel says of a watch.
#[derive(Debug)]
struct Change {
    watch: i32,
    /// The file in a directory that it is about; empty otherwise.
    name: String,
    /// What was watched is not there any more.
    gone: bool,
    /// There were more than the kernel keeps.
    lost: bool,
}

/// All that the kernel has to say now.
fn changes(inotify: &OwnedFd) -> Result<Vec<Change>, Failure> {
    let mut buffer = [MaybeUninit::uninit(); 4096];
    let mut reader = inotify::Reader::new(inotify, &mut buffer);
    let mut changes = Vec::new();
    loop {
        let event = match reader.next() {
            Ok(event) => event,
            Err(Errno::AGAIN | Errno::INTR) => return Ok(changes),
            Err(errno) => return Err(Failure::new("read events of files", errno)),
        };
        let name = event
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        changes.push(Change {
            watch: event.wd(),
            name: name.unwrap_or_default(),
            gone: event.events().contains(ReadFlags::IGNORED),
            lost: event.events().contains(ReadFlags::QUEUE_OVERFLOW),
        });
    }
}
