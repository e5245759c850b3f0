//! The last of the console's output, for clients that attach.

use veld_protocol::console::SCROLLBACK;

/// A ring of [`SCROLLBACK`] bytes.
#[derive(Debug)]
pub(crate) struct Scrollback {
    bytes: [u8; SCROLLBACK],
    /// Where the next byte goes, always below the length.
    next: usize,
    /// Whether all of the ring has been written once.
    full: bool,
}

impl Scrollback {
    pub(crate) fn new() -> Self {
        Self {
            bytes: [0; SCROLLBACK],
            next: 0,
            full: false,
        }
    }

    /// Remembers `output`, and forgets as much of the oldest.
    pub(crate) fn push(&mut self, output: &[u8]) {
        let kept = output.len().min(SCROLLBACK);
        let output = &output[output.len() - kept..];
        let (tail, head) = output.split_at(kept.min(SCROLLBACK - self.next));
        self.bytes[self.next..][..tail.len()].copy_from_slice(tail);
        self.bytes[..head.len()].copy_from_slice(head);
        self.full |= self.next + kept >= SCROLLBACK;
        self.next = (self.next + kept) % SCROLLBACK;
    }

    /// What is remembered, the older part first.
    pub(crate) fn parts(&self) -> [&[u8]; 2] {
        let (newer, older) = self.bytes.split_at(self.next);
        [if self.full { older } else { &[] }, newer]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_bytes_are_kept_whatever_the_pieces() {
        let all: Vec<u8> = (0..20_000u32)
            .map(|n| n.to_le_bytes()[0] ^ n.to_le_bytes()[1])
            .collect();
        for piece in [1, 7, 1000, 4095, 4096, 4097, 9000] {
            let mut ring = Scrollback::new();
            let mut seen = 0;
            for output in all.chunks(piece) {
                ring.push(output);
                seen += output.len();
                let from = seen.saturating_sub(SCROLLBACK);
                assert_eq!(ring.parts().concat(), &all[from..seen], "pieces of {piece}");
            }
        }
    }
}
