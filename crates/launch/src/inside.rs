//! Reading files of a VE, as a process in it.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;

use rustix::fs::OFlags;

/// Longer than most of the files that are read here.
const USUAL: usize = 4096;

/// The text of a regular file, at most `most` bytes of it.
///
/// Whatever else has the name is refused: an open of a fifo, unlike this one,
/// would wait for somebody to write.
pub(crate) fn read(path: &str, most: u64) -> io::Result<String> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let flags = i32::try_from(flags.bits()).unwrap_or(0);
    let file = File::options().read(true).custom_flags(flags).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut bytes = Vec::with_capacity(USUAL);
    file.take(most).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_are_read_and_only_so_far() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
        rustix::fs::mkfifoat(rustix::fs::CWD, path("fifo"), rustix::fs::Mode::RWXU).unwrap();
        assert_eq!(
            read(&path("fifo"), 10).unwrap_err().kind(),
            io::ErrorKind::InvalidInput
        );
        assert_eq!(
            read(&path("none"), 10).unwrap_err().kind(),
            io::ErrorKind::NotFound
        );
        assert_eq!(read("/proc/version", 5).unwrap(), "Linux");
    }
}
