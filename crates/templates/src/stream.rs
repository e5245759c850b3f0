//! A source of bytes on its way to the unpacker: counted, hashed, decompressed.
//!
//! The digest is that of the stream as it was read, so it is what `sha256sum`
//! says of a template's archive.

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

/// Counts and hashes what goes through.
pub(crate) struct Tap<'a, 'r> {
    source: &'a mut dyn Read,
    hash: Sha256,
    reporter: &'a Reporter<'r>,
}

impl<'a, 'r> Tap<'a, 'r> {
    pub(crate) fn new(source: &'a mut dyn Read, reporter: &'a Reporter<'r>) -> Self {
        Self {
            source,
            hash: Sha256::new(),
            reporter,
        }
    }

    /// `sha256:` and the digest of all that was read, in hex.
    pub(crate) fn digest(self) -> String {
        let bytes = self.hash.finalize();
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("sha256:{digits}")
    }
}

impl Read for Tap<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.source.read(buffer)?;
        self.hash.update(buffer.get(..length).unwrap_or_default());
        self.reporter
            .add_read(u64::try_from(length).unwrap_or(u64::MAX));
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
        .take(6)
        .read_to_end(&mut magic)
        .context(reading)?;
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
        [0xfd, b'7', b'z', b'X', b'Z', 0] => {
            let stream = Stream::new_stream_decoder(XZ_MEMORY, CONCATENATED)
                .map_err(|error| Failure::new(reading(), io::Error::from(error)))?;
            let decoder = XzDecoder::new_stream(whole, stream);
            Box::new(BufReader::with_capacity(BUFFER, decoder))
        }
        _ => Box::new(whole),
    })
}
