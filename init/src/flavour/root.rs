//! Look-ups in the root that this process has.

use std::io::Read;
use std::os::unix::ffi::OsStrExt;

use rustix::fs::{Mode, OFlags};
use veld_protocol::kind::Look;

/// The root directory of this process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Root;

impl Look for Root {
    fn file_name(&self, path: &str) -> Option<Vec<u8>> {
        let target = std::fs::canonicalize(path).ok()?;
        let is_file = std::fs::metadata(&target).ok()?.is_file();
        let name = target.file_name()?.as_bytes().to_vec();
        is_file.then_some(name)
    }

    fn start(&self, path: &str, limit: u64) -> Option<Vec<u8>> {
        // Opening a fifo that somebody put there must not wait for a writer.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = std::fs::File::from(rustix::fs::open(path, flags, Mode::empty()).ok()?);
        let is_file = file.metadata().ok()?.is_file();
        let mut content = Vec::new();
        let read = file.take(limit).read_to_end(&mut content);
        (is_file && read.is_ok()).then_some(content)
    }
}
