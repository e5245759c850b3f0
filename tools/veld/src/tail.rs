//! Files that others append to and put aside when they are full.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use veld_sys::{Context, Failure};

/// A file that is appended to, read on where it was left, also when a new one took
/// its place.
#[derive(Debug)]
pub(crate) struct Tail {
    path: PathBuf,
    file: Option<File>,
}

impl Tail {
    pub(crate) fn open(path: PathBuf) -> Result<Self, Failure> {
        let file = open(&path)?;
        Ok(Self { path, file })
    }

    pub(crate) fn more(&mut self) -> Result<Vec<u8>, Failure> {
        let mut bytes = Vec::new();
        let context = || format!("read {}", self.path.display());
        if let Some(file) = &mut self.file {
            file.read_to_end(&mut bytes).context(context)?;
        }
        if let Some(mut new) = open(&self.path)?.filter(|new| !same(new, self.file.as_ref())) {
            new.read_to_end(&mut bytes).context(context)?;
            self.file = Some(new);
        }
        Ok(bytes)
    }
}

fn same(new: &File, old: Option<&File>) -> bool {
    let identity = |file: &File| file.metadata().ok().map(|found| (found.dev(), found.ino()));
    identity(new) == old.and_then(identity)
}

/// The file, where it is there.
pub(crate) fn open(path: &Path) -> Result<Option<File>, Failure> {
    match File::open(path) {
        Err(missing) if missing.kind() == ErrorKind::NotFound => Ok(None),
        result => result
            .map(Some)
            .context(|| format!("read {}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    use veld_protocol::shim::{CONSOLE_LOG, CONSOLE_LOG_BEFORE};

    /// A log as the shim writes one, in a directory that goes away.
    struct Log {
        dir: tempfile::TempDir,
        file: File,
    }

    impl Log {
        fn path(&self) -> PathBuf {
            self.dir.path().join(CONSOLE_LOG)
        }

        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let file = File::create(dir.path().join(CONSOLE_LOG)).unwrap();
            Self { dir, file }
        }

        fn write(&mut self, text: &str) {
            self.file.write_all(text.as_bytes()).unwrap();
        }

        fn rotate(&mut self) {
            let before = self.dir.path().join(CONSOLE_LOG_BEFORE);
            std::fs::rename(self.path(), before).unwrap();
            self.file = File::create(self.path()).unwrap();
        }
    }

    #[test]
    fn a_log_that_is_followed_over_a_rotation_loses_and_repeats_nothing() {
        let mut log = Log::new();
        let mut tail = Tail::open(log.path()).unwrap();
        log.write("one\n");
        assert_eq!(tail.more().unwrap(), b"one\n");
        assert_eq!(tail.more().unwrap(), b"");
        log.write("two\n");
        log.rotate();
        log.write("three\n");
        assert_eq!(tail.more().unwrap(), b"two\nthree\n");
        log.write("four\n");
        assert_eq!(tail.more().unwrap(), b"four\n");
    }

    #[test]
    fn a_log_that_is_not_there_yet_is_read_from_its_beginning() {
        let dir = tempfile::tempdir().unwrap();
        let mut tail = Tail::open(dir.path().join(CONSOLE_LOG)).unwrap();
        assert_eq!(tail.more().unwrap(), b"");
        let mut file = File::create(dir.path().join(CONSOLE_LOG)).unwrap();
        file.write_all(b"first\n").unwrap();
        assert_eq!(tail.more().unwrap(), b"first\n");
    }
}
