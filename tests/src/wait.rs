//! Waiting for what the kernel or another process does in its own time.

use std::time::{Duration, Instant};

/// More than anything here takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// How many times slower than others this machine is said to be.
const SLOWNESS: &str = "VELD_TEST_SLOWNESS";

/// This many times [`PATIENCE`] is what a machine is given that is known to be slow.
pub(crate) fn slowness() -> u32 {
    let said = std::env::var(SLOWNESS).ok();
    said.map_or(1, |times| times.parse().unwrap())
}

const PAUSE: Duration = Duration::from_millis(5);

/// Waits until something is so.
///
/// # Panics
/// Where it is not within [`PATIENCE`], or more on a slow machine; `what` says what
/// was awaited.
pub fn until(what: &str, mut so: impl FnMut() -> bool) {
    eventually(what, || so().then_some(()));
}

/// Waits until there is a value.
///
/// # Panics
/// As [`until`].
pub fn eventually<T>(what: &str, mut value: impl FnMut() -> Option<T>) -> T {
    let patience = PATIENCE * slowness();
    within(patience, &mut value)
        .unwrap_or_else(|| panic!("not within {} s: {what}", patience.as_secs()))
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
