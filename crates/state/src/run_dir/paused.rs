//! Since when the VE is paused.

use veld_durable::Life;
use veld_protocol::stamp::Stamp;
use veld_sys::Failure;

use super::{RunDir, remove_file};

/// The file that says so.
pub(super) const PAUSED: &str = "paused";

impl RunDir {
    /// Says that the VE is paused from now on. It counts as long as the kernel says
    /// that it is frozen.
    ///
    /// # Errors
    /// Names the path.
    pub fn say_paused(&self) -> Result<(), Failure> {
        let text = format!("{}\n", Stamp::now());
        veld_durable::replace(&self.file(PAUSED), text.as_bytes(), Life::Volatile)
    }

    /// Takes [`say_paused`](Self::say_paused) back.
    ///
    /// # Errors
    /// Names the path.
    pub fn unsay_paused(&self) -> Result<(), Failure> {
        remove_file(&self.file(PAUSED))
    }

    /// Since when the VE is said to be paused.
    #[must_use]
    pub fn paused(&self) -> Option<Stamp> {
        let text = std::fs::read_to_string(self.file(PAUSED)).ok()?;
        text.trim_end().parse().ok()
    }
}
