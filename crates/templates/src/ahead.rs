//! Reading ahead: a thread that reads, hashes and decompresses a file while the
//! caller's thread makes files of what came before.
//!
//! ```text
//!  file ─► sha256 ─► decompressor ─► sha256 ─► channel of 16 chunks ─► unpacker
//!  └──────────────── the thread ────────────┘
//! ```
//!
//! The kernel makes files no faster than a decompressor gives them, so the two take
//! together as long as the slower one. The channel is bounded: an unpacker that
//! gave up ends the thread by closing it. The thread is joined before this returns.

use std::io::{self, BufRead, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use sha2::{Digest, Sha256};
use veld_sys::{Context, Failure};

use crate::error::Error;
use crate::progress::Reporter;
use crate::stream::{Hashing, decompress, digest_of};

const CHUNK: usize = 256 * 1024;
const CHUNKS: usize = 16;

/// What went through.
#[derive(Debug)]
pub(crate) struct Sums {
    /// Digest of the file as it was read.
    pub(crate) digest: String,
    /// Digest of what was in it, where that was asked for.
    pub(crate) inner: Option<String>,
}

/// A piece of the archive, and how much of the file was read for it.
struct Chunk {
    bytes: Vec<u8>,
    read: u64,
}

/// Hands what is in a file, compressed or not, to `take`, which must read it to its
/// end. `hash_inner` asks for the digest of that, too.
///
/// # Errors
/// That of `take`, else that of reading the file.
pub(crate) fn read_ahead<T>(
    source: impl Read + Send,
    hash_inner: bool,
    reporter: &Reporter<'_>,
    take: impl FnOnce(&mut dyn BufRead) -> Result<T, Error>,
) -> Result<(T, Sums), Error> {
    std::thread::scope(|scope| {
        let (sender, receiver) = sync_channel(CHUNKS);
        let (back, spent) = sync_channel(CHUNKS);
        let reader = std::thread::Builder::new()
            .name("read-ahead".to_owned())
            .spawn_scoped(scope, move || run(source, hash_inner, &sender, &spent))
            .context(|| "start reading the archive")?;
        let mut chunks = Chunks {
            receiver: Some(receiver),
            spent: back,
            chunk: Vec::new(),
            at: 0,
            read: 0,
            reporter,
        };
        let taken = take(&mut chunks);
        // Where it gave up, the thread finds nobody to send to.
        drop(chunks);
        let read = reader.join().unwrap_or_else(|_| {
            let cause = io::Error::other("the thread that reads it panicked");
            Err(Error::Failed(Failure::new("read archive", cause)))
        });
        // An error of the thread is what the taker saw the consequence of.
        let sums = read?;
        Ok((taken?, sums))
    })
}

/// What the thread does. Where nobody listens any more it ends without an error.
fn run(
    source: impl Read,
    hash_inner: bool,
    sender: &SyncSender<io::Result<Chunk>>,
    spent: &Receiver<Vec<u8>>,
) -> Result<Sums, Error> {
    let mut tap = Hashing::new(source);
    let mut inner = hash_inner.then(Sha256::new);
    pump(&mut tap, inner.as_mut(), sender, spent)?;
    Ok(Sums {
        digest: tap.digest(),
        inner: inner.map(digest_of),
    })
}

fn pump<R: Read>(
    tap: &mut Hashing<R>,
    mut inner: Option<&mut Sha256>,
    sender: &SyncSender<io::Result<Chunk>>,
    spent: &Receiver<Vec<u8>>,
) -> Result<(), Error> {
    let counter = std::cell::Cell::new(0_u64);
    let counted = Counted(tap, &counter);
    let mut archive = decompress(counted)?;
    loop {
        let mut bytes = spent.try_recv().unwrap_or_default();
        bytes.clear();
        bytes.reserve(CHUNK);
        let limit = u64::try_from(CHUNK).unwrap_or(u64::MAX);
        let chunk = match (&mut archive).take(limit).read_to_end(&mut bytes) {
            Ok(0) => return Ok(()),
            Ok(_) => {
                if let Some(inner) = &mut inner {
                    inner.update(&bytes);
                }
                let read = counter.get();
                Ok(Chunk { bytes, read })
            }
            Err(cause) => Err(cause),
        };
        let ended = chunk.is_err();
        if sender.send(chunk).is_err() || ended {
            return Ok(());
        }
    }
}

/// Says how far the file was read.
struct Counted<'a, R>(&'a mut Hashing<R>, &'a std::cell::Cell<u64>);

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.0.read(buffer)?;
        self.1.set(self.0.length());
        Ok(length)
    }
}

/// The caller's end: the chunks as one stream.
struct Chunks<'a, 'r> {
    /// Nothing once the end or an error came.
    receiver: Option<Receiver<io::Result<Chunk>>>,
    spent: SyncSender<Vec<u8>>,
    chunk: Vec<u8>,
    at: usize,
    read: u64,
    reporter: &'a Reporter<'r>,
}

impl Read for Chunks<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut there = self.fill_buf()?;
        let length = there.read(buffer)?;
        self.consume(length);
        Ok(length)
    }
}

impl BufRead for Chunks<'_, '_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.at >= self.chunk.len()
            && let Some(receiver) = &self.receiver
        {
            let spent = std::mem::take(&mut self.chunk);
            self.at = 0;
            let _ = self.spent.try_send(spent);
            match receiver.recv() {
                Ok(Ok(chunk)) => {
                    self.reporter.add_read(chunk.read.saturating_sub(self.read));
                    self.read = chunk.read;
                    self.chunk = chunk.bytes;
                }
                Ok(Err(cause)) => {
                    self.receiver = None;
                    return Err(cause);
                }
                Err(_) => self.receiver = None,
            }
        }
        Ok(self.chunk.get(self.at..).unwrap_or_default())
    }

    fn consume(&mut self, bytes: usize) {
        self.at = self.at.saturating_add(bytes).min(self.chunk.len());
    }
}
