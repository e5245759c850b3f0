//! Standard output: a reader that went away is no error, and nothing that came
//! out of a VE can command a terminal.

use std::fmt::Write as _;
use std::io::{self, Write};

use veld_sys::Failure;

use crate::report::Failed;

/// Writes text to standard output.
///
/// # Errors
/// [`Failed::ReaderGone`] for a closed pipe, else the cause.
pub(crate) fn print(text: &str) -> Result<(), Failed> {
    write(text.as_bytes())
}

/// Writes bytes to standard output as they are.
///
/// # Errors
/// As [`print()`].
pub(crate) fn write(bytes: &[u8]) -> Result<(), Failed> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(()),
        Err(gone) if gone.kind() == io::ErrorKind::BrokenPipe => Err(Failed::ReaderGone),
        Err(cause) => Err(Failure::new("write to standard output", cause).into()),
    }
}

/// `text` with control characters spelled out, but for tabs.
pub(crate) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() && character != '\t' {
            let _ = write!(safe, "{}", character.escape_default());
        } else {
            safe.push(character);
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_of_terminals_are_spelled_out() {
        assert_eq!(
            escape("a\u{1b}[2Jb\tc\u{9b}d\n"),
            "a\\u{1b}[2Jb\tc\\u{9b}d\\n"
        );
    }
}
