//! What PID 1 says of itself, in the words of sd_notify(3). Whatever is in a
//! datagram, reading it takes no memory and cannot fail.

use veld_protocol::init::{FAILED, FOUND, Found};
use veld_protocol::shim::STATUS_LIMIT;

/// One datagram, as far as anybody here cares.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Notice<'a> {
    /// The services are up.
    pub(crate) ready: bool,
    /// The services are being stopped.
    pub(crate) stopping: bool,
    /// What it is doing, in its own bytes.
    pub(crate) status: Option<&'a [u8]>,
    /// Which services do not run as they should, in its own bytes.
    pub(crate) failed: Option<&'a [u8]>,
    /// Which init it has found.
    pub(crate) found: Option<Found>,
}

impl<'a> Notice<'a> {
    /// Reads assignments, one a line; of the same one the last counts.
    pub(crate) fn parse(datagram: &'a [u8]) -> Self {
        let mut notice = Self::default();
        for line in datagram.split(|&byte| byte == b'\n') {
            match line {
                b"READY=1" => notice.ready = true,
                b"STOPPING=1" => notice.stopping = true,
                other => notice.take_value(other),
            }
        }
        notice
    }

    fn take_value(&mut self, line: &'a [u8]) {
        let value = |key: &str| line.strip_prefix(key.as_bytes());
        if let Some(status) = value("STATUS=") {
            self.status = Some(status);
        } else if let Some(failed) = value(FAILED) {
            self.failed = Some(failed);
        } else if let Some(found) = value(FOUND) {
            let text = std::str::from_utf8(found).ok();
            self.found = text.and_then(|text| text.parse().ok());
        }
    }
}

/// A status fit for anybody's terminal: text, no control characters, bounded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StatusLine {
    bytes: [u8; STATUS_LIMIT],
    length: usize,
}

impl StatusLine {
    /// As much of `raw` as there is room for; what is not UTF-8 or would move a
    /// terminal becomes `?`.
    pub(crate) fn new(raw: &[u8]) -> Self {
        let mut line = Self {
            bytes: [0; STATUS_LIMIT],
            length: 0,
        };
        for chunk in raw.utf8_chunks() {
            let broken = (!chunk.invalid().is_empty()).then_some('?');
            for character in chunk.valid().chars().chain(broken) {
                if !line.push(character) {
                    return line;
                }
            }
        }
        line
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// Whether there was room.
    /// The line as text, which it is by how it was made.
    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    fn push(&mut self, character: char) -> bool {
        let shown = if moves_a_terminal(character) {
            '?'
        } else {
            character
        };
        let mut encoded = [0; 4];
        let encoded = shown.encode_utf8(&mut encoded).as_bytes();
        let end = self.length + encoded.len();
        let Some(room) = self.bytes.get_mut(self.length..end) else {
            return false;
        };
        room.copy_from_slice(encoded);
        self.length = end;
        true
    }
}

/// Control characters, and those that reorder or break the line they stand in.
fn moves_a_terminal(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_datagram_is_read_by_whole_lines() {
        let notice = Notice::parse(b"READY=10\nSTATUS=one\nX=1\nSTATUS=two\nSTOPPING=1");
        assert_eq!(
            notice,
            Notice {
                ready: false,
                stopping: true,
                status: Some(b"two"),
                ..Notice::default()
            }
        );
        assert!(Notice::parse(b"X=READY=1\nREADY=1\n").ready);
        assert_eq!(Notice::parse(b""), Notice::default());
        let notice = Notice::parse(b"X_VELD_INIT=finit hand-over 12\nX_VELD_FAILED=a b");
        let found = notice
            .found
            .map(|found| (found.hands_over, found.stop_signal));
        assert_eq!(found, Some((true, 12)));
        assert_eq!(notice.failed, Some(&b"a b"[..]));
        assert_eq!(Notice::parse(b"X_VELD_INIT=finit").found, None);
    }

    #[test]
    fn a_status_is_one_bounded_line_of_text() {
        let line = StatusLine::new("a\x1b[2Jb\u{9b}c\u{202e}dä".as_bytes());
        assert_eq!(line.as_bytes(), "a?[2Jb?c?dä".as_bytes());
        assert_eq!(StatusLine::new(b"x\xff\xfey").as_bytes(), b"x??y");
        let long = StatusLine::new("ä".repeat(4000).as_bytes());
        assert_eq!(long.as_bytes(), "ä".repeat(STATUS_LIMIT / 2).as_bytes());
        let odd = StatusLine::new(format!("x{}", "ä".repeat(4000)).as_bytes());
        assert_eq!(odd.as_bytes().len(), STATUS_LIMIT - 1);
    }
}
