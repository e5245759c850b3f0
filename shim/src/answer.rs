//! What the console answers for a terminal while nobody is attached.
//!
//! systemd asks its console how large it is before it does anything else (from
//! 258 on), and waits a third of a second for an answer, twice. A terminal that a
//! client has would answer; without a client there is only the shim. Other
//! questions stay without an answer, as they are on a serial line.

use rustix::termios::Winsize;

/// XTWINOPS 18: the size of the text area in characters.
const SIZE: &[u8] = b"\x1b[18t";

/// The answer to the questions in a piece of output. One that is cut in two by a
/// read is not seen: whoever asks writes it at once.
pub(crate) fn to(output: &[u8], window: impl FnOnce() -> Option<Winsize>) -> Option<String> {
    let asked = output.windows(SIZE.len()).any(|bytes| bytes == SIZE);
    let window = asked.then(window)??;
    Some(format!("\x1b[8;{};{}t", window.ws_row, window.ws_col))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_question_for_the_size_is_answered() {
        let window = || {
            Some(Winsize {
                ws_row: 24,
                ws_col: 80,
                ws_xpixel: 0,
                ws_ypixel: 0,
            })
        };
        let answer = to(b"\x1b[0m\x1b[18t", window);
        assert_eq!(answer.as_deref(), Some("\x1b[8;24;80t"));
        assert_eq!(to(b"\x1b[6n 18t", window), None);
        assert_eq!(to(b"\x1b[18t", || None), None);
        assert_eq!(to(b"", window), None);
    }
}
