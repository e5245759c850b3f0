//! Reading the text of a config file, whatever is at its path.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use veld_sys::Context;

use crate::{ConfigError, Problem};

/// The largest file that is read. A config has some fifty lines; this is room
/// for comments, and an end for a mistake like a disk image.
const LIMIT: u64 = 1 << 20;

/// The text of the file at `path`.
///
/// # Errors
/// It is missing or unreadable, no regular file, too large, or not UTF-8.
pub(crate) fn read(path: &Path) -> Result<String, ConfigError> {
    let reading = || format!("read {}", path.display());
    let wrong = |line: Option<usize>, what: &str| {
        ConfigError::one(Problem {
            file: Some(path.to_owned()),
            line,
            key: None,
            what: what.to_owned(),
        })
    };
    // Asked before it is opened, because opening a FIFO waits for a writer.
    let found = std::fs::metadata(path).context(reading)?;
    if !found.is_file() && !found.is_dir() {
        return Err(wrong(None, "is not a file"));
    }
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(LIMIT + 1).read_to_end(&mut bytes))
        .context(reading)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > LIMIT) {
        return Err(wrong(None, "is larger than 1 MiB"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let before = error.as_bytes().iter().take(valid);
        let line = before.filter(|&&byte| byte == b'\n').count() + 1;
        wrong(Some(line), "is not UTF-8")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    fn refusal(path: &Path) -> String {
        read(path).unwrap_err().to_string()
    }

    #[test]
    fn each_thing_that_is_no_config_has_its_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("veld.toml");
        let shown = path.display().to_string();

        let missing = read(&path).unwrap_err();
        assert_eq!(missing.to_string(), format!("cannot read {shown}"));
        assert_eq!(missing.kind(), ErrorKind::Missing);
        let cause = std::error::Error::source(&missing).unwrap();
        assert_eq!(cause.to_string(), "No such file or directory (os error 2)");

        veld_durable::replace(&path, b"ok\nok\n\xff", veld_durable::Life::Volatile).unwrap();
        assert_eq!(refusal(&path), format!("{shown}:3: is not UTF-8"));

        File::create(&path).unwrap().set_len(100 << 20).unwrap();
        assert_eq!(refusal(&path), format!("{shown}: is larger than 1 MiB"));
        File::create(&path).unwrap().set_len(LIMIT).unwrap();
        assert_eq!(read(&path).unwrap().len(), 1 << 20);

        let directory = read(dir.path()).unwrap_err();
        assert_eq!(directory.kind(), ErrorKind::File);
        let cause = std::error::Error::source(&directory).unwrap();
        assert_eq!(cause.to_string(), "Is a directory (os error 21)");

        assert_eq!(refusal(Path::new("/dev/zero")), "/dev/zero: is not a file");
    }
}
