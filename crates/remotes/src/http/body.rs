//! The body of an answer: bounded in length, and given up where it stands still or
//! drips.

use std::io::{self, Read};
use std::time::Instant;

use ureq::BodyReader;

use super::Patience;
use super::client::explain;
use crate::error::Why;

/// What comes of a body.
#[allow(missing_debug_implementations, reason = "a reader has no text")]
pub(crate) struct Body {
    reader: BodyReader<'static>,
    /// How long the server says that it is.
    declared: Option<u64>,
    patience: Patience,
    window: Instant,
    in_window: u64,
}

impl Body {
    pub(super) fn new(body: ureq::Body, patience: Patience) -> Self {
        let declared = body.content_length();
        Self {
            // What is too much is for the readers below to say.
            reader: body.into_with_config().limit(u64::MAX).reader(),
            declared,
            patience,
            window: Instant::now(),
            in_window: 0,
        }
    }

    /// How long the server says that it is.
    pub(crate) fn declared(&self) -> Option<u64> {
        self.declared
    }

    /// The next bytes; 0 at the end.
    ///
    /// # Errors
    /// [`Why::Silent`], [`Why::Slow`], and those of the network.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Why> {
        let length = loop {
            match self.reader.read(buffer) {
                Ok(length) => break length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(explain(ureq::Error::from(error), &self.patience)),
            }
        };
        self.in_window = self
            .in_window
            .saturating_add(u64::try_from(length).unwrap_or(0));
        let passed = self.window.elapsed();
        if length > 0 && passed >= self.patience.window {
            if self.in_window < Patience::LEAST {
                return Err(Why::Slow {
                    bytes: self.in_window,
                    seconds: passed.as_secs(),
                });
            }
            self.window = Instant::now();
            self.in_window = 0;
        }
        Ok(length)
    }

    /// All of it, where it is no longer than `most`.
    ///
    /// # Errors
    /// [`Why::TooLong`], and those of [`Body::read`].
    pub(crate) fn read_all(mut self, most: u64) -> Result<Vec<u8>, Why> {
        if self.declared.is_some_and(|declared| declared > most) {
            return Err(Why::TooLong { most });
        }
        let mut content = Vec::new();
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let length = self.read(&mut buffer)?;
            if length == 0 {
                return Ok(content);
            }
            content.extend_from_slice(buffer.get(..length).unwrap_or_default());
            if u64::try_from(content.len()).unwrap_or(u64::MAX) > most {
                return Err(Why::TooLong { most });
            }
        }
    }
}
