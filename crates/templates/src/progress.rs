//! How far a long operation is, told to the caller, who may stop it.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::ops::ControlFlow;

use crate::error::Error;

/// Where an import or a build stands.
#[derive(Debug, Clone, Copy)]
pub struct Progress<'a> {
    /// Bytes of the source read so far, compressed where it is compressed.
    pub read: u64,
    /// Bytes of the source altogether, where known.
    pub total: Option<u64>,
    /// Entries put into the template so far.
    pub entries: u64,
    /// A line that the builder just said.
    pub line: Option<&'a str>,
}

/// Called often while something goes on; `Break` stops it and leaves nothing.
pub type Watch<'a> = dyn FnMut(Progress<'_>) -> ControlFlow<()> + 'a;

/// Bytes read, or entries times 1 KiB, between two calls of the watcher.
const STEP: u64 = 256 * 1024;

/// The one place that counts and calls the watcher; shared by the reader of the
/// source and the writer of the tree.
pub(crate) struct Reporter<'a> {
    watch: RefCell<&'a mut Watch<'a>>,
    read: Cell<u64>,
    total: Cell<Option<u64>>,
    entries: Cell<u64>,
    told: Cell<u64>,
    stopped: Cell<bool>,
}

impl fmt::Debug for Reporter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reporter")
            .field("read", &self.read)
            .field("entries", &self.entries)
            .finish_non_exhaustive()
    }
}

impl<'a> Reporter<'a> {
    pub(crate) fn new(watch: &'a mut Watch<'a>) -> Self {
        Self {
            watch: RefCell::new(watch),
            read: Cell::new(0),
            total: Cell::new(None),
            entries: Cell::new(0),
            told: Cell::new(0),
            stopped: Cell::new(false),
        }
    }

    pub(crate) fn expect(&self, total: u64) {
        self.total.set(Some(total));
    }

    pub(crate) fn add_read(&self, bytes: u64) {
        self.read.set(self.read.get().saturating_add(bytes));
    }

    pub(crate) fn add_entry(&self) {
        self.entries.set(self.entries.get().saturating_add(1));
    }

    /// Calls the watcher if enough has happened since the last call.
    ///
    /// # Errors
    /// [`Error::Interrupted`] when it says so.
    pub(crate) fn tick(&self) -> Result<(), Error> {
        let done = self
            .read
            .get()
            .saturating_add(self.entries.get().saturating_mul(1024));
        if done.saturating_sub(self.told.get()) < STEP {
            return Ok(());
        }
        self.told.set(done);
        self.tell(None)
    }

    /// Calls the watcher now, with a line of the builder's where there is one.
    ///
    /// # Errors
    /// [`Error::Interrupted`] when it says so.
    pub(crate) fn tell(&self, line: Option<&str>) -> Result<(), Error> {
        let progress = Progress {
            read: self.read.get(),
            total: self.total.get(),
            entries: self.entries.get(),
            line,
        };
        let mut watch = self.watch.borrow_mut();
        if (*watch)(progress).is_break() {
            self.stopped.set(true);
        }
        if self.stopped.get() {
            return Err(Error::Interrupted);
        }
        Ok(())
    }

    /// Whether the watcher asked to stop: an error of a reader in between is then
    /// not the cause but the consequence.
    pub(crate) fn stopped(&self) -> bool {
        self.stopped.get()
    }
}
