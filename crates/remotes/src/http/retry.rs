//! Servers that are busy: asked again a few times, after as long as they wish.

use std::time::{Duration, Instant};

use super::{Client, Request, Response};
use crate::error::{Error, Why};
use crate::url::Url;

/// Attempts in all.
const ATTEMPTS: u32 = 4;
/// Between two looks at whether to stop.
const TICK: Duration = Duration::from_millis(50);

impl Client {
    /// As [`Client::send`], again where the server is busy or stands behind one that
    /// does not reach it. Any other status is fine.
    ///
    /// # Errors
    /// Those of [`Client::send`]; [`Why::Status`] where it is busy for too long, and
    /// [`Why::Later`] where it wants more time than there is.
    pub(crate) fn send_patiently(
        &self,
        url: &Url,
        request: &Request<'_>,
    ) -> Result<Response, Error> {
        let mut pause = Duration::from_secs(1);
        for attempt in 1.. {
            let response = self.send(url, request)?;
            if !matches!(response.status.as_u16(), 429 | 502 | 503 | 504) {
                return Ok(response);
            }
            let status = response.status_line();
            if attempt == ATTEMPTS {
                let said = format!("{attempt} times");
                return Err(Why::Status { status, said }.at(url));
            }
            let asked = response.header("retry-after").and_then(seconds);
            let wait = asked.map_or(pause, Duration::from_secs);
            if wait > self.patience().later {
                let seconds = wait.as_secs();
                return Err(Why::Later { status, seconds }.at(url));
            }
            self.wait(wait)?;
            pause *= 2;
        }
        unreachable!("the last attempt returns")
    }

    /// Waits, unless told to stop.
    ///
    /// # Errors
    /// [`Error::Interrupted`].
    pub(crate) fn wait(&self, time: Duration) -> Result<(), Error> {
        let end = Instant::now() + time;
        while Instant::now() < end {
            if self.must_stop() {
                return Err(Error::Interrupted);
            }
            std::thread::sleep(TICK.min(end.saturating_duration_since(Instant::now())));
        }
        Ok(())
    }
}

/// `Retry-After` in seconds; as a date it is not waited for any longer than usual.
fn seconds(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}
