//! One file of a remote: what is here of it is gone on with, and it gets its name
//! once it is whole and has its digest.
//!
//! ```text
//! no part ── bytes come ──> DIGEST.part ── whole, right digest, synced ──> the name
//!                │   ▲            │
//!    connection ends │            ├ wrong digest, begun by another request: once from the start
//!                └───┘            └ wrong digest, or too long: removed
//! ```
//!
//! The part is locked by whoever adds to it. Another pull of the same file waits,
//! for as long as the part grows, and then finds the file there.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{OFlags, fstatvfs};
use veld_durable::{Life, ensure_dir, sync_parent};
use veld_sys::{Context, Failure, fault};

use super::Cache;
use crate::digest::{Digest, Hasher};
use crate::error::{Error, Why};
use crate::http::{Client, Response};
use crate::progress::{Item, Progress};
use crate::url::Url;

/// How often a transfer that made progress is taken up again.
const ATTEMPTS: u32 = 5;
const POLL: Duration = Duration::from_millis(50);

/// A file that is wanted.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    /// Where it is.
    pub(crate) url: Url,
    pub(crate) digest: Digest,
    /// Its length, which nobody may exceed.
    pub(crate) size: u64,
    /// What it is to be called here.
    pub(crate) path: PathBuf,
    /// What a person would call it.
    pub(crate) label: String,
}

/// How files are had: one way for registries, another for plain servers.
pub(crate) struct Download<'a> {
    pub(crate) cache: &'a Cache,
    pub(crate) client: &'a Client,
    pub(crate) progress: &'a Progress,
    /// Asks for a file from a byte on.
    pub(crate) open: &'a (dyn Fn(&Wanted, u64) -> Result<Response, Error> + Sync),
}

/// What of a file is here.
struct Part {
    file: File,
    path: PathBuf,
    length: u64,
    hasher: Hasher,
    /// Whether any of it came before the request that is under way.
    is_resumed: bool,
}

impl Download<'_> {
    /// Has the file under its name, unless it is there.
    ///
    /// # Errors
    /// [`Error::Get`]; where it says that the file is too long or is another, nothing
    /// of it stays.
    pub(crate) fn run(&self, wanted: &Wanted) -> Result<(), Error> {
        let item = self.progress.begin(wanted.label.clone(), wanted.size);
        let done = self.fetch(wanted, &item);
        item.end();
        done
    }

    fn fetch(&self, wanted: &Wanted, item: &Item) -> Result<(), Error> {
        ensure_dir(&self.cache.partial(), Life::Durable)?;
        if let Some(folder) = wanted.path.parent() {
            ensure_dir(folder, Life::Durable)?;
        }
        let Some(mut part) = self.begin(wanted)? else {
            item.set(wanted.size);
            return Ok(());
        };
        item.set(part.length);
        must_fit(&part, wanted)?;
        self.fill(wanted, &mut part, item)?;
        let found = part.hasher.clone().finish();
        if found != wanted.digest && part.is_resumed {
            part.restart()?;
            item.set(0);
            self.fill(wanted, &mut part, item)?;
        }
        let found = part.hasher.clone().finish();
        if found != wanted.digest {
            part.remove();
            let (found, wanted_digest) = (found.to_string(), wanted.digest.to_string());
            return Err(Why::Digest {
                found,
                wanted: wanted_digest,
            }
            .at(&wanted.url));
        }
        part.publish(&wanted.path)
    }

    /// The locked part; none where the file is there.
    fn begin(&self, wanted: &Wanted) -> Result<Option<Part>, Error> {
        let path = self.cache.part(&wanted.digest);
        let opening = || format!("open {}", path.display());
        let (mut seen, mut since) = (0, Instant::now());
        loop {
            if is_whole(&wanted.path, wanted.size) {
                return Ok(None);
            }
            fault::point("open part of file").context(opening)?;
            let file = part_options().open(&path).context(opening)?;
            match file.try_lock() {
                Ok(()) if is_at(&file, &path) => return Part::resume(file, path, wanted).map(Some),
                // Whoever had it has given it its name, or thrown it away.
                Ok(()) => continue,
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(cause)) => {
                    return Err(Failure::new(format!("lock {}", path.display()), cause).into());
                }
            }
            let length = file.metadata().map_or(0, |metadata| metadata.len());
            if length != seen {
                (seen, since) = (length, Instant::now());
            }
            if since.elapsed() > 2 * self.client.patience().window {
                return Err(Error::Busy { path });
            }
            self.client.wait(POLL)?;
        }
    }

    /// Gets what is missing, in as many requests as it takes.
    fn fill(&self, wanted: &Wanted, part: &mut Part, item: &Item) -> Result<(), Error> {
        let mut attempt = 1;
        while part.length < wanted.size {
            let before = part.length;
            let failed = match self.transfer(wanted, part, item) {
                Ok(()) => Why::TooShort {
                    found: part.length,
                    declared: wanted.size,
                }
                .at(&wanted.url),
                Err(error) => error,
            };
            if part.length == wanted.size {
                break;
            }
            if let Error::Get {
                why: Why::TooLong { .. },
                ..
            } = failed
            {
                part.remove();
                return Err(failed);
            }
            if !is_transient(&failed) || part.length <= before || attempt == ATTEMPTS {
                return Err(failed);
            }
            attempt += 1;
            part.is_resumed = true;
        }
        Ok(())
    }

    /// One request, to the end of its body or to what goes wrong.
    fn transfer(&self, wanted: &Wanted, part: &mut Part, item: &Item) -> Result<(), Error> {
        let mut response = (self.open)(wanted, part.length)?;
        let is_past_end = response.status.as_u16() == 416;
        if part.length > 0 && is_past_end {
            response = (self.open)(wanted, 0)?;
        }
        if !response.status.is_success() {
            let status = response.status_line();
            let said = String::new();
            return Err(Why::Status { status, said }.at(&wanted.url));
        }
        if part.length > 0 && !continues(&response, part.length) {
            part.restart()?;
            item.set(0);
        }
        let most = wanted.size;
        let too_long = || Why::TooLong { most }.at(&wanted.url);
        let declared = response.body.declared().unwrap_or(0);
        if part.length.saturating_add(declared) > most {
            return Err(too_long());
        }
        let mut buffer = vec![0; 256 * 1024];
        loop {
            let read = response.body.read(&mut buffer);
            let length = read.map_err(|why| self.client.told(why, &wanted.url))?;
            let bytes = buffer.get(..length).unwrap_or_default();
            let Some(count) = u64::try_from(length).ok().filter(|count| *count > 0) else {
                return Ok(());
            };
            if part.length.saturating_add(count) > most {
                return Err(too_long());
            }
            part.add(bytes, count)?;
            item.add(count);
            if self.client.must_stop() {
                return Err(Error::Interrupted);
            }
        }
    }
}

impl Part {
    /// Takes up what an earlier pull has left, at most as long as the file is.
    fn resume(mut file: File, path: PathBuf, wanted: &Wanted) -> Result<Self, Error> {
        let reading = || format!("read {}", path.display());
        let length = file.metadata().context(reading)?.len();
        let mut part = Self {
            hasher: wanted.digest.hasher(),
            length,
            is_resumed: length > 0,
            file: file.try_clone().context(reading)?,
            path: path.clone(),
        };
        if length > wanted.size {
            part.restart()?;
            return Ok(part);
        }
        let mut buffer = vec![0; 256 * 1024];
        file.seek(SeekFrom::Start(0)).context(reading)?;
        loop {
            let length = file.read(&mut buffer).context(reading)?;
            if length == 0 {
                return Ok(part);
            }
            part.hasher.update(buffer.get(..length).unwrap_or_default());
        }
    }

    fn add(&mut self, bytes: &[u8], count: u64) -> Result<(), Error> {
        let writing = || format!("write {}", self.path.display());
        fault::point("write part of file").context(writing)?;
        if let Err(cause) = self.file.write_all(bytes) {
            // What is counted must be what is there, and a full disk be full no longer.
            if cause.kind() == io::ErrorKind::StorageFull {
                self.remove();
            }
            let _ = self.file.set_len(self.length);
            return Err(Failure::new(writing(), cause).into());
        }
        self.hasher.update(bytes);
        self.length += count;
        Ok(())
    }

    /// Forgets all that is here.
    fn restart(&mut self) -> Result<(), Error> {
        let truncating = || format!("truncate {}", self.path.display());
        self.file.set_len(0).context(truncating)?;
        self.file.seek(SeekFrom::Start(0)).context(truncating)?;
        self.hasher = match self.hasher {
            Hasher::Sha256(_) => Hasher::sha256(),
            Hasher::Sha512(_) => Hasher::Sha512(Box::default()),
        };
        self.length = 0;
        self.is_resumed = false;
        Ok(())
    }

    /// While it is locked, so that nobody has begun to wait for another.
    fn remove(&self) {
        let _ = std::fs::remove_file(&self.path);
    }

    fn publish(&self, name: &Path) -> Result<(), Error> {
        let sync = || -> io::Result<()> {
            self.file.sync_all()?;
            fault::point("rename whole file")?;
            std::fs::rename(&self.path, name)?;
            sync_parent(name)
        };
        Ok(sync().context(|| format!("write {}", name.display()))?)
    }
}

/// Refuses what is longer than the file system has space for, before it is begun.
///
/// # Kernel
/// fstatvfs(3).
fn must_fit(part: &Part, wanted: &Wanted) -> Result<(), Error> {
    let path = part.path.display();
    let space = fstatvfs(&part.file).context(|| format!("ask for the space at {path}"))?;
    let free = space.f_bavail.saturating_mul(space.f_frsize);
    let missing = wanted.size.saturating_sub(part.length);
    if missing <= free {
        return Ok(());
    }
    if part.length == 0 {
        part.remove();
    }
    Err(Why::NoSpace { missing, free }.at(&wanted.url))
}

fn part_options() -> std::fs::OpenOptions {
    let mut options = File::options();
    options.read(true).append(true).create(true).mode(0o600);
    options.custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
    options
}

/// Whether an answer goes on from a byte.
fn continues(response: &Response, from: u64) -> bool {
    let begin = || {
        let range = response.header("content-range")?.strip_prefix("bytes ")?;
        range.split('-').next()?.trim().parse::<u64>().ok()
    };
    response.status.as_u16() == 206 && begin() == Some(from)
}

fn is_whole(path: &Path, size: u64) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|found| found.is_file() && found.len() == size)
}

fn is_at(file: &File, path: &Path) -> bool {
    let (Ok(ours), Ok(named)) = (file.metadata(), std::fs::symlink_metadata(path)) else {
        return false;
    };
    (ours.dev(), ours.ino()) == (named.dev(), named.ino())
}

/// Whether another request may do better.
fn is_transient(error: &Error) -> bool {
    matches!(
        error,
        Error::Get {
            why: Why::Io(_) | Why::Protocol(_) | Why::Silent { .. } | Why::TooShort { .. },
            ..
        }
    )
}
