//! A source of bytes on its way to the unpacker: counted, hashed, decompressed.
//!
//! The digest is that of the stream as it was read, so it is what `sha256sum`
//! says of a template's archive. Files are read and decompressed by a thread of
//! their own (see `ahead.rs`), all else where it is unpacked.

use std::io::{self, BufRead, BufReader, Cursor, Read};

use flate2::bufread::MultiGzDecoder;
use liblzma::bufread::XzDecoder;
use liblzma::stream::{CONCATENATED, Stream};
use sha2::{Digest, Sha256};
use veld_sys::{Context, Failure};

use crate::error::Error;
use crate::progress::Reporter;

const BUFFER: usize = 512 * 1024;
/// What an xz stream may ask for its dictionary; `xz -9` needs 65 MiB.
const XZ_MEMORY: u64 = 256 * 1024 * 1024;

/// Hashes what goes through, and counts it.
pub(crate) struct Hashing<R> {
    source: R,
    hash: Sha256,
    length: u64,
}

impl<R> Hashing<R> {
    pub(crate) fn new(source: R) -> Self {
        Self {
            source,
            hash: Sha256::new(),
            length: 0,
        }
    }

    /// Bytes so far.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// `sha256:` and the digest of all that was read, in hex.
    pub(crate) fn digest(self) -> String {
        digest_of(self.hash)
    }
}

/// A digest as it is written.
pub(crate) fn digest_of(hash: Sha256) -> String {
    let bytes = hash.finalize();
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{digits}")
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.source.read(buffer)?;
        self.hash.update(buffer.get(..length).unwrap_or_default());
        let read = u64::try_from(length).unwrap_or(u64::MAX);
        self.length = self.length.saturating_add(read);
        Ok(length)
    }
}

/// Hashes what goes through, and tells the reporter of it.
pub(crate) struct Tap<'a, 'r> {
    source: Hashing<&'a mut dyn Read>,
    reporter: &'a Reporter<'r>,
}

impl<'a, 'r> Tap<'a, 'r> {
    pub(crate) fn new(source: &'a mut dyn Read, reporter: &'a Reporter<'r>) -> Self {
        let source = Hashing::new(source);
        Self { source, reporter }
    }

    /// `sha256:` and the digest of all that was read, in hex.
    pub(crate) fn digest(self) -> String {
        self.source.digest()
    }
}

impl Read for Tap<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.source.read(buffer)?;
        let read = u64::try_from(length).unwrap_or(u64::MAX);
        self.reporter.add_read(read);
        Ok(length)
    }
}

/// The tar archive in a stream, told apart by its first bytes: zstd, gzip, xz or
/// not compressed.
///
/// # Errors
/// Where the stream cannot be read, or is empty.
pub(crate) fn decompress<'a>(source: impl Read + 'a) -> Result<Box<dyn BufRead + 'a>, Error> {
    let reading = || "read archive";
    let mut source = source;
    let mut magic = Vec::new();
    (&mut source)
        .take(16)
        .read_to_end(&mut magic)
        .context(reading)?;
    crate::magic::check(&magic)?;
    let whole = BufReader::with_capacity(BUFFER, Cursor::new(magic.clone()).chain(source));
    Ok(match magic.as_slice() {
        [] => {
            return Err(Error::Corrupt {
                flaw: "is empty",
                entry: None,
            });
        }
        [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            let decoder = zstd::stream::read::Decoder::with_buffer(whole).context(reading)?;
            Box::new(BufReader::with_capacity(BUFFER, decoder))
        }
        [0x1f, 0x8b, ..] => Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(whole))),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => {
            let stream = Stream::new_stream_decoder(XZ_MEMORY, CONCATENATED)
                .map_err(|error| Failure::new(reading(), io::Error::from(error)))?;
            let decoder = XzDecoder::new_stream(whole, stream);
            Box::new(BufReader::with_capacity(BUFFER, decoder))
        }
        _ => Box::new(whole),
    })
}
