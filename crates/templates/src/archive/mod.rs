//! Reading a tar archive: a stream of 512-byte blocks into entries.
//!
//! The tar crate reads the fields of one block. Everything between blocks is
//! here: long names, pax records (whose values may hold line ends), sparse maps,
//! and the bounds on all of them, since each is a length that a stranger wrote.
//! The crate's own iterator has no such bounds and its `unpack` makes empty
//! files of device nodes.
//!
//! What this module must not know: that there is a file system.

mod entry;
mod pax;
mod sparse;

use std::io::{self, BufRead};

use tar::Header;
use veld_sys::Failure;

use crate::error::Error;
use crate::limits::{Budget, MAX_EXTENSION};
use crate::path::EntryPath;
use crate::refusal::Refusal;

use entry::Before;
pub(crate) use entry::{Entry, Kind};
use pax::Records;
pub(crate) use sparse::Map;

const BLOCK: usize = 512;

/// The stream, between two entries or in the data of one.
#[derive(Debug)]
pub(crate) struct Archive<R> {
    input: R,
    global: Records,
    /// Bytes of the entry's data that are not read yet, and what fills its block.
    left: u64,
    padding: u64,
    last: Option<EntryPath>,
    /// Whether it is a layer of an image: it may have no entries and no end mark, and
    /// some who make them write `/` for the root and before names.
    is_layer: bool,
}

/// Why reading stopped, before it is known which entry it was.
enum Broken {
    Refused(Refusal),
    Failed(Error),
}

impl From<Refusal> for Broken {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Error> for Broken {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl<R: BufRead> Archive<R> {
    pub(crate) fn new(input: R) -> Self {
        Self {
            input,
            global: Records::default(),
            left: 0,
            padding: 0,
            last: None,
            is_layer: false,
        }
    }

    /// As [`Archive::new`], of a layer, which may change nothing.
    pub(crate) fn of_layer(input: R) -> Self {
        Self {
            is_layer: true,
            ..Self::new(input)
        }
    }

    /// The next entry; what was not read of the former is skipped. Nothing after
    /// the end mark, once it is known that nothing follows it.
    pub(crate) fn next(&mut self, budget: &mut Budget) -> Result<Option<Entry>, Error> {
        self.skip_rest(budget)?;
        let mut before = Before::default();
        loop {
            let Some(header) = self.header(budget)? else {
                return self.end(&before);
            };
            let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let name = before.name(&header);
            let taken = match header.as_old().linkflag {
                [b'L'] => self.long_name(&header).map(|text| before.path = Some(text)),
                [b'K'] => self.long_name(&header).map(|text| before.link = Some(text)),
                [b'x'] => self.records(&header, &mut before),
                [b'g'] => self.global_records(&header),
                [b'V'] => self.expect_data(&header),
                _ => match self.entry(&header, before) {
                    Ok(entry) => {
                        budget.entry(&entry.path)?;
                        self.last = Some(entry.path.clone());
                        return Ok(Some(entry));
                    }
                    Err(broken) => return Err(broken.at(shown(&name))),
                },
            };
            taken.map_err(|broken| broken.at(shown(&name)))?;
            // Headers without an entry count as bytes: they could go on forever.
            let size = header.entry_size().unwrap_or(0).saturating_add(512);
            let root = EntryPath::default();
            budget.overhead(self.last.as_ref().unwrap_or(&root), size)?;
            self.skip_rest(budget)?;
        }
    }

    /// The data of the entry that is left, as far as it is in memory; empty at the
    /// end of it.
    pub(crate) fn data(&mut self) -> Result<&[u8], Error> {
        if self.left == 0 {
            return Ok(&[]);
        }
        let limit = usize::try_from(self.left).unwrap_or(usize::MAX);
        // Asked once more below, since a borrow that is returned must be the last.
        match self.input.fill_buf() {
            Ok([]) => return Err(self.cut_off()),
            Ok(_) => {}
            Err(cause) => return Err(self.unreadable(cause)),
        }
        let buffer = self.input.fill_buf().unwrap_or_default();
        Ok(buffer.get(..limit).unwrap_or(buffer))
    }

    /// Takes so many bytes of what [`Archive::data`] gave.
    pub(crate) fn consume(&mut self, bytes: usize) {
        self.input.consume(bytes);
        let taken = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.left = self.left.saturating_sub(taken);
    }

    /// Where the data of the entry begins, for who reads it from there.
    pub(crate) fn place(&mut self) -> io::Result<u64>
    where
        R: io::Seek,
    {
        self.input.stream_position()
    }

    /// Leaves the data of the entry unread, by a seek.
    pub(crate) fn pass(&mut self) -> Result<(), Error>
    where
        R: io::Seek,
    {
        let length = self.left.saturating_add(self.padding);
        let length = i64::try_from(length).map_err(|_| self.cut_off())?;
        (self.left, self.padding) = (0, 0);
        match self.input.seek_relative(length) {
            Ok(()) => Ok(()),
            Err(cause) => Err(self.unreadable(cause)),
        }
    }

    /// The next header block; nothing where the end mark begins.
    fn header(&mut self, budget: &mut Budget) -> Result<Option<Header>, Error> {
        if self.is_layer && self.is_at_end()? {
            return Ok(None);
        }
        let mut header = Header::new_old();
        self.read_exact(header.as_mut_bytes())?;
        if header.as_bytes().iter().all(|&byte| byte == 0) {
            self.drain(budget)?;
            return Ok(None);
        }
        let sum = checksum(header.as_bytes());
        match header.cksum() {
            Ok(stored) if stored == sum => Ok(Some(header)),
            _ if self.last.is_none() => Err(self.corrupt("is not a tar archive")),
            _ => Err(self.corrupt("has a header with a wrong checksum")),
        }
    }

    /// Whether nothing follows. Some who write layers leave the end mark out; that a
    /// layer is whole its digest says.
    fn is_at_end(&mut self) -> Result<bool, Error> {
        match self.input.fill_buf() {
            Ok(rest) => Ok(rest.is_empty()),
            Err(cause) => Err(self.unreadable(cause)),
        }
    }

    fn long_name(&mut self, header: &Header) -> Result<Vec<u8>, Broken> {
        let text = self.extension(header, 64 * 1024)?;
        let end = text.iter().position(|&byte| byte == 0);
        Ok(text
            .get(..end.unwrap_or(text.len()))
            .unwrap_or_default()
            .to_vec())
    }

    fn records(&mut self, header: &Header, before: &mut Before) -> Result<(), Broken> {
        let text = self.extension(header, MAX_EXTENSION)?;
        let records = before.records.get_or_insert_with(|| self.global.clone());
        before.refusal = records.read(&text).err();
        Ok(())
    }

    fn global_records(&mut self, header: &Header) -> Result<(), Broken> {
        let text = self.extension(header, MAX_EXTENSION)?;
        Ok(self.global.read(&text)?)
    }

    fn expect_data(&mut self, header: &Header) -> Result<(), Broken> {
        let size = header.entry_size().map_err(|_| Refusal::Field("size"))?;
        self.expect(size);
        Ok(())
    }

    /// The whole data of an extension header, if it is not larger than `limit`.
    fn extension(&mut self, header: &Header, limit: u64) -> Result<Vec<u8>, Broken> {
        let size = header.entry_size().map_err(|_| Refusal::Field("size"))?;
        if size > limit {
            return Err(Refusal::Extension(size).into());
        }
        self.expect(size);
        let mut text = vec![0; usize::try_from(size).map_err(|_| Refusal::Extension(size))?];
        self.read_exact(&mut text)?;
        self.left = 0;
        Ok(text)
    }

    /// From here so much data follows, filled up to a whole block.
    fn expect(&mut self, size: u64) {
        self.left = size;
        self.padding = size.wrapping_neg() & 511;
    }

    fn read_exact(&mut self, buffer: &mut [u8]) -> Result<(), Error> {
        match self.input.read_exact(buffer) {
            Ok(()) => Ok(()),
            Err(cause) => Err(self.unreadable(cause)),
        }
    }

    /// Skips what is left of an entry, and the filling of its last block.
    fn skip_rest(&mut self, budget: &mut Budget) -> Result<(), Error> {
        let root = EntryPath::default();
        budget.overhead(self.last.as_ref().unwrap_or(&root), self.left)?;
        self.left = self.left.saturating_add(self.padding);
        self.padding = 0;
        loop {
            let length = self.data()?.len();
            if length == 0 {
                return Ok(());
            }
            self.consume(length);
        }
    }

    /// Reads to the end of the stream, where only zeros may be: a decompressor
    /// checks its sums there, and a writer at the other end of a pipe has to live
    /// until then.
    fn drain(&mut self, budget: &mut Budget) -> Result<(), Error> {
        let path = self.last.clone().unwrap_or_default();
        loop {
            let length = match self.input.fill_buf() {
                Ok([]) => return Ok(()),
                Ok(zeros) if zeros.iter().all(|&byte| byte == 0) => zeros.len(),
                Ok(_) => return Err(self.corrupt("goes on after its end mark")),
                Err(cause) => return Err(self.unreadable(cause)),
            };
            self.input.consume(length);
            budget.overhead(&path, u64::try_from(length).unwrap_or(u64::MAX))?;
        }
    }

    fn end(&self, before: &Before) -> Result<Option<Entry>, Error> {
        if before.path.is_some() || before.link.is_some() || before.records.is_some() {
            return Err(self.corrupt("ends between the headers of an entry"));
        }
        if self.last.is_none() && !self.is_layer {
            return Err(self.corrupt("has no entries"));
        }
        Ok(None)
    }

    fn corrupt(&self, flaw: &'static str) -> Error {
        Error::Corrupt {
            flaw,
            entry: self.last.as_ref().map(EntryPath::to_string),
        }
    }

    fn cut_off(&self) -> Error {
        self.corrupt("is cut off")
    }

    fn unreadable(&self, cause: io::Error) -> Error {
        if cause.kind() == io::ErrorKind::UnexpectedEof && cause.get_ref().is_none() {
            return self.cut_off();
        }
        let operation = match &self.last {
            Some(last) => format!("read archive after entry {last}"),
            None => "read archive".to_owned(),
        };
        Error::Failed(Failure::new(operation, cause))
    }
}

impl Broken {
    fn at(self, entry: String) -> Error {
        match self {
            Self::Refused(refusal) => Error::Refused { entry, refusal },
            Self::Failed(error) => error,
        }
    }
}

/// The sum of all bytes, those of the sum's own field taken as spaces.
fn checksum(block: &[u8; BLOCK]) -> u32 {
    let outside = |at: &usize| !(148..156).contains(at);
    let bytes = block.iter().enumerate().filter(|(at, _)| outside(at));
    bytes.map(|(_, byte)| u32::from(*byte)).sum::<u32>() + 8 * u32::from(b' ')
}
