//! What the user types to leave the console, which has no other way out.
//!
//! Either Ctrl-] three times within two seconds, with nothing between; or `~.`
//! at the start of a line, as in ssh. A single Ctrl-] goes to the VE at once
//! (editors use it), so two of them have arrived there when the third leaves. A
//! `~` at the start of a line is held back until the next key tells what it was
//! meant for: `~~` gives one, anything else but `.` gives both.
//!
//! The machine is pure: the time comes from outside.

use std::time::Duration;

const CONTROL_BRACKET: u8 = 0x1d;
const WITHIN: Duration = Duration::from_secs(2);

/// Where in an escape the user is.
#[derive(Debug, Clone)]
pub(crate) struct Escape {
    /// When the last one or two Ctrl-] in a row came, the older first.
    brackets: [Option<Duration>; 2],
    line: Line,
}

/// Where in a line the user is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    Start,
    /// A `~` at its start, which is held back.
    Tilde,
    Inside,
}

/// Whether the user stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    Stay,
    Leave,
}

impl Escape {
    /// At the start of a line.
    pub(crate) fn new() -> Self {
        Self {
            brackets: [None; 2],
            line: Line::Start,
        }
    }

    /// Appends to `through` what of `typed` is for the VE. `now` is the time
    /// since any fixed moment. What is typed after the escape is dropped.
    pub(crate) fn pass(&mut self, typed: &[u8], now: Duration, through: &mut Vec<u8>) -> Wish {
        for &byte in typed {
            if self.key(byte, now, through) == Wish::Leave {
                return Wish::Leave;
            }
        }
        Wish::Stay
    }

    fn key(&mut self, byte: u8, now: Duration, through: &mut Vec<u8>) -> Wish {
        if self.bracket(byte, now) == Wish::Leave {
            return Wish::Leave;
        }
        let line = self.line;
        self.line = match byte {
            b'\r' | b'\n' => Line::Start,
            _ => Line::Inside,
        };
        match (line, byte) {
            (Line::Tilde, b'.') => return Wish::Leave,
            (Line::Tilde, b'~') => through.push(b'~'),
            (Line::Tilde, _) => through.extend([b'~', byte]),
            (Line::Start, b'~') => self.line = Line::Tilde,
            (Line::Start | Line::Inside, _) => through.push(byte),
        }
        Wish::Stay
    }

    fn bracket(&mut self, byte: u8, now: Duration) -> Wish {
        if byte != CONTROL_BRACKET {
            self.brackets = [None; 2];
            return Wish::Stay;
        }
        let [older, newer] = self.brackets;
        if older.is_some_and(|older| now.saturating_sub(older) <= WITHIN) {
            return Wish::Leave;
        }
        self.brackets = [newer, Some(now)];
        Wish::Stay
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What comes through of keys typed at these seconds, and the wish after them.
    fn typed(keys: &[(f64, &str)]) -> (String, Wish) {
        let (mut escape, mut through) = (Escape::new(), Vec::new());
        for (at, text) in keys {
            let now = Duration::from_secs_f64(*at);
            if escape.pass(text.as_bytes(), now, &mut through) == Wish::Leave {
                return (String::from_utf8(through).unwrap(), Wish::Leave);
            }
        }
        (String::from_utf8(through).unwrap(), Wish::Stay)
    }

    #[test]
    fn the_escapes_leave_and_their_likes_do_not() {
        use Wish::{Leave, Stay};
        for (keys, through, wish) in [
            (&[(0.0, "\x1d\x1d\x1dx")][..], "\x1d\x1d", Leave),
            (
                &[(0.0, "\x1d"), (1.0, "\x1d"), (2.0, "\x1d")],
                "\x1d\x1d",
                Leave,
            ),
            (
                &[(0.0, "\x1d"), (1.0, "\x1d"), (2.1, "\x1d")],
                "\x1d\x1d\x1d",
                Stay,
            ),
            (&[(0.0, "\x1d\x1da\x1d")], "\x1d\x1da\x1d", Stay),
            // Of four, the last three may be the quick ones.
            (
                &[(0.0, "\x1d"), (5.0, "\x1d"), (5.1, "\x1d"), (5.2, "\x1d")],
                "\x1d\x1d\x1d",
                Leave,
            ),
            (&[(0.0, "~.")], "", Leave),
            (&[(0.0, "ls\r~"), (9.0, ".")], "ls\r", Leave),
            (&[(0.0, "ls ~.\r")], "ls ~.\r", Stay),
            (&[(0.0, "~~.\n")], "~.\n", Stay),
            (&[(0.0, "~/bin\n~\n~x")], "~/bin\n~\n~x", Stay),
            (&[(0.0, "~\r~.")], "~\r", Leave),
            (&[(0.0, "~\x1d\x1d\x1d")], "~\x1d\x1d", Leave),
        ] {
            assert_eq!(typed(keys), (through.to_owned(), wish), "{keys:?}");
        }
    }

    proptest! {
        #[test]
        fn what_holds_no_escape_key_comes_through_as_it_is(
            text in prop::collection::vec(any::<u8>(), 0..500),
            piece in 1usize..50,
        ) {
            let plain: Vec<u8> = text
                .into_iter()
                .filter(|byte| !matches!(byte, b'~' | &CONTROL_BRACKET))
                .collect();
            let (mut escape, mut through) = (Escape::new(), Vec::new());
            for piece in plain.chunks(piece) {
                let wish = escape.pass(piece, Duration::ZERO, &mut through);
                prop_assert_eq!(wish, Wish::Stay);
            }
            prop_assert_eq!(through, plain);
        }
    }
}
