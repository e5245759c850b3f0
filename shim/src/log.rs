//! The console's log: two files of bounded size, whatever the VE prints.

use std::os::fd::OwnedFd;

use veld_protocol::shim::{CONSOLE_LOG, CONSOLE_LOG_BEFORE, LOG_LIMIT, PROGRAM};
use veld_sys::Failure;

use crate::run_directory::RunDirectory;

/// The log that is written at present. A full disk loses output and nothing else.
#[derive(Debug, Default)]
pub(crate) struct Log {
    file: Option<OwnedFd>,
    size: u64,
}

impl Log {
    /// Writes `bytes` at the end, and begins anew when that passes the limit.
    pub(crate) fn append(&mut self, directory: &RunDirectory, bytes: &[u8]) {
        if self.file.is_none() {
            self.open(directory);
        }
        let Some(file) = &self.file else { return };
        if let Ok(written) = rustix::io::write(file, bytes) {
            self.size = self
                .size
                .saturating_add(u64::try_from(written).unwrap_or(0));
        }
        if self.size > LOG_LIMIT {
            self.begin_anew(directory);
        }
    }

    /// Writes a line of the shim's own: there is nobody else to tell.
    pub(crate) fn note(directory: &RunDirectory, failure: &Failure) {
        let mut line = format!("\r\n{PROGRAM}: {failure}");
        if let Some(cause) = std::error::Error::source(failure) {
            line.push_str(": ");
            line.push_str(&cause.to_string());
        }
        line.push_str("\r\n");
        Self::default().append(directory, line.as_bytes());
    }

    /// Goes on where the log of an earlier boot ended.
    fn open(&mut self, directory: &RunDirectory) {
        self.file = directory.append_to(CONSOLE_LOG).ok();
        let size = self.file.as_ref().and_then(|file| {
            let found = rustix::fs::fstat(file).ok()?;
            u64::try_from(found.st_size).ok()
        });
        self.size = size.unwrap_or(0);
    }

    fn begin_anew(&mut self, directory: &RunDirectory) {
        if directory.rename(CONSOLE_LOG, CONSOLE_LOG_BEFORE).is_err() {
            // The bound holds even where the old log cannot be kept.
            if let Some(file) = &self.file {
                let _ = rustix::fs::ftruncate(file, 0);
            }
        }
        self.open(directory);
    }
}
