//! `veld logs`

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use veld_protocol::shim::{CONSOLE_LOG, CONSOLE_LOG_BEFORE};
use veld_state::Observed;
use veld_supervisor::{Host, Ve};
use veld_sys::{Context, Failure};

use crate::cli::Logs;
use crate::output::{self, escape};
use crate::report::Failed;

/// How often a log that is followed is looked at.
const POLL: Duration = Duration::from_millis(100);

pub(crate) fn run(host: &Host, logs: &Logs) -> Result<(), Failed> {
    let ve = host.find(&logs.ve)?;
    let before = read(&ve.run_dir().file(CONSOLE_LOG_BEFORE))?;
    let mut tail = Tail::open(ve.run_dir().file(CONSOLE_LOG))?;
    let mut text = before.unwrap_or_default();
    text.extend(tail.more()?);
    let shown = match logs.lines {
        Some(lines) => last_lines(&text, lines),
        None => &text,
    };
    show(shown, logs.raw)?;
    if logs.follow {
        follow(&ve, &mut tail, logs.raw)?;
    }
    Ok(())
}

fn follow(ve: &Ve<'_>, tail: &mut Tail, raw: bool) -> Result<(), Failed> {
    loop {
        // Asked before the read: what is written until it ends is then shown.
        let running = runs(ve);
        show(&tail.more()?, raw)?;
        if !running {
            return Ok(());
        }
        std::thread::sleep(POLL);
    }
}

fn runs(ve: &Ve<'_>) -> bool {
    matches!(ve.observe(), Observed::Running(_))
}

/// A log that is read on where it was left, also when a new one took its place.
struct Tail {
    path: PathBuf,
    file: Option<File>,
}

impl Tail {
    fn open(path: PathBuf) -> Result<Self, Failure> {
        let file = open(&path)?;
        Ok(Self { path, file })
    }

    fn more(&mut self) -> Result<Vec<u8>, Failure> {
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

fn open(path: &Path) -> Result<Option<File>, Failure> {
    match File::open(path) {
        Err(missing) if missing.kind() == ErrorKind::NotFound => Ok(None),
        result => result
            .map(Some)
            .context(|| format!("read {}", path.display())),
    }
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, Failure> {
    let Some(mut file) = open(path)? else {
        return Ok(None);
    };
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)
        .context(|| format!("read {}", path.display()))?;
    Ok(Some(bytes))
}

fn show(bytes: &[u8], raw: bool) -> Result<(), Failed> {
    if raw {
        return output::write(bytes);
    }
    let text = String::from_utf8_lossy(bytes);
    let mut shown = String::new();
    for line in text.split_inclusive('\n') {
        // A terminal wants a carriage return before the newline; a text does not.
        let ends = line.ends_with('\n');
        let line = line.trim_end_matches(['\n', '\r']);
        shown += &escape(line);
        if ends {
            shown.push('\n');
        }
    }
    output::print(&shown)
}

/// The part of `text` that begins `lines` lines before its end.
fn last_lines(text: &[u8], lines: usize) -> &[u8] {
    let body = text.strip_suffix(b"\n").unwrap_or(text);
    let newlines = body
        .iter()
        .enumerate()
        .rev()
        .filter(|(_, byte)| **byte == b'\n');
    let start = match lines.checked_sub(1) {
        None => text.len(),
        Some(skip) => newlines.map(|(at, _)| at + 1).nth(skip).unwrap_or(0),
    };
    text.get(start..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn the_last_lines_are_counted_with_or_without_a_newline_at_the_end() {
        assert_eq!(last_lines(b"a\nb\nc\n", 2), b"b\nc\n");
        assert_eq!(last_lines(b"a\nb\nc", 1), b"c");
        assert_eq!(last_lines(b"a\n", 9), b"a\n");
        assert_eq!(last_lines(b"a\n", 0), b"");
    }

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
        assert_eq!(read(&dir.path().join(CONSOLE_LOG_BEFORE)).unwrap(), None);
    }
}
