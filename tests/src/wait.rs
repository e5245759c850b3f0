//! Waiting for what the kernel or another process does in its own time.

use std::time::{Duration, Instant};

/// More than anything here takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

const PAUSE: Duration = Duration::from_millis(5);

/// Waits until something is so.
///
/// # Panics
/// Where it is not within [`PATIENCE`]; `what` says what was awaited.
pub fn until(what: &str, mut so: impl FnMut() -> bool) {
    eventually(what, || so().then_some(()));
}

/// Waits until there is a value.
///
/// # Panics
/// As [`until`].
pub fn eventually<T>(what: &str, mut value: impl FnMut() -> Option<T>) -> T {
    within(PATIENCE, &mut value)
        .unwrap_or_else(|| panic!("not within {} s: {what}", PATIENCE.as_secs()))
}

/// The value, if there is one in time.
pub(crate) fn within<T>(patience: Duration, mut value: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + patience;
    loop {
        // Asked once more after the last pause: the deadline is not the moment
        // at which a busy machine looked last.
        let late = Instant::now() >= deadline;
        let found = value();
        if found.is_some() || late {
            return found;
        }
        std::thread::sleep(PAUSE);
    }
}
