//! What a client of a VE's console says to the shim.
//!
//! Client to shim: messages of a kind byte, a length (two bytes, the high one
//! first) and that many bytes. Shim to client: the raw output, first the last
//! [`SCROLLBACK`] bytes of it; the end of the stream means that the VE ended or
//! that the shim did.
//!
//! ```text
//! 'd' length bytes…              typed by the user
//! 'w' 0 4 columns(2) rows(2)     size of the user's window
//! ```
//!
//! The [`Decoder`] buffers no data: typed bytes are handed on as slices of what
//! was read, so its memory does not depend on what a client sends.

use std::fmt;

/// How much past output a client is given when it attaches, in bytes.
pub const SCROLLBACK: usize = 4096;

/// How many clients one console has at most; one more is told so and left.
pub const MAX_CLIENTS: usize = 16;

/// Bytes before the payload of each message.
pub const HEADER: usize = 3;

/// Bytes of a whole resize message.
pub const RESIZE: usize = HEADER + 4;

const DATA_KIND: u8 = b'd';
const RESIZE_KIND: u8 = b'w';
const RESIZE_PAYLOAD: u16 = 4;

/// The size of a window in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Width.
    pub columns: u16,
    /// Height.
    pub rows: u16,
}

/// What a client said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message<'a> {
    /// Bytes for the console. One message on the wire may come out in parts.
    Data(&'a [u8]),
    /// The window has this size now.
    Resize(Size),
}

/// Why a client is not listened to any longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Malformed {
    /// No message is of this kind.
    Kind(u8),
    /// A resize is 4 bytes long.
    ResizeLength(u16),
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kind(kind) => write!(f, "no console message is of kind {kind}"),
            Self::ResizeLength(length) => write!(
                f,
                "a console resize has {RESIZE_PAYLOAD} bytes, this one {length}"
            ),
        }
    }
}

impl std::error::Error for Malformed {}

/// The header that `length` typed bytes follow.
#[must_use]
pub fn data_header(length: u16) -> [u8; HEADER] {
    let [high, low] = length.to_be_bytes();
    [DATA_KIND, high, low]
}

/// The whole message that tells a size.
#[must_use]
pub fn resize(size: Size) -> [u8; RESIZE] {
    let [length_high, length_low] = RESIZE_PAYLOAD.to_be_bytes();
    let [columns_high, columns_low] = size.columns.to_be_bytes();
    let [rows_high, rows_low] = size.rows.to_be_bytes();
    [
        RESIZE_KIND,
        length_high,
        length_low,
        columns_high,
        columns_low,
        rows_high,
        rows_low,
    ]
}

/// Takes messages out of a stream that is read in pieces of any size.
#[derive(Debug, Clone, Default)]
pub struct Decoder {
    at: At,
}

/// What the next byte of the stream is.
#[derive(Debug, Clone, Copy, Default)]
enum At {
    #[default]
    Kind,
    LengthHigh(Kind),
    LengthLow(Kind, u8),
    Data {
        left: u16,
    },
    Columns,
    ColumnsLow(u8),
    Rows(u16),
    RowsLow(u16, u8),
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Data,
    Resize,
}

impl Decoder {
    /// The next message, or part of one, at the start of `input`, which is moved
    /// past it; None once `input` is used up.
    ///
    /// # Errors
    /// The stream cannot be understood from here on; the decoder is of no use
    /// any more.
    pub fn next<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<Message<'a>>, Malformed> {
        loop {
            if let At::Data { left } = self.at {
                return Ok(self.data(left, input));
            }
            let Some((&byte, rest)) = input.split_first() else {
                return Ok(None);
            };
            *input = rest;
            if let Some(size) = self.byte(byte)? {
                return Ok(Some(Message::Resize(size)));
            }
        }
    }

    /// As much of the typed bytes as there is.
    fn data<'a>(&mut self, left: u16, input: &mut &'a [u8]) -> Option<Message<'a>> {
        let here = input.len().min(usize::from(left));
        let (data, rest) = input.split_at_checked(here)?;
        *input = rest;
        // `here` is at most `left`, so the conversion holds and nothing wraps.
        let left = left.saturating_sub(u16::try_from(here).unwrap_or(left));
        self.at = if left == 0 {
            At::Kind
        } else {
            At::Data { left }
        };
        (!data.is_empty()).then_some(Message::Data(data))
    }

    fn byte(&mut self, byte: u8) -> Result<Option<Size>, Malformed> {
        self.at = match self.at {
            At::Kind => At::LengthHigh(match byte {
                DATA_KIND => Kind::Data,
                RESIZE_KIND => Kind::Resize,
                other => return Err(Malformed::Kind(other)),
            }),
            At::LengthHigh(kind) => At::LengthLow(kind, byte),
            At::LengthLow(kind, high) => match (kind, u16::from_be_bytes([high, byte])) {
                (Kind::Data, 0) => At::Kind,
                (Kind::Data, left) => At::Data { left },
                (Kind::Resize, RESIZE_PAYLOAD) => At::Columns,
                (Kind::Resize, length) => return Err(Malformed::ResizeLength(length)),
            },
            // `next` hands data on in slices before it looks at single bytes.
            At::Data { left } => At::Data { left },
            At::Columns => At::ColumnsLow(byte),
            At::ColumnsLow(high) => At::Rows(u16::from_be_bytes([high, byte])),
            At::Rows(columns) => At::RowsLow(columns, byte),
            At::RowsLow(columns, high) => {
                let rows = u16::from_be_bytes([high, byte]);
                self.at = At::Kind;
                return Ok(Some(Size { columns, rows }));
            }
        };
        Ok(None)
    }
}

#[cfg(test)]
mod tests;
