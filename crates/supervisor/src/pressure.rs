//! How busy the processors of the host are: for whoever starts many VEs.

use std::num::NonZero;
use std::path::Path;

const PRESSURE: &str = "/proc/pressure/cpu";
const LOAD: &str = "/proc/loadavg";

/// Per cent of the last ten seconds in which somebody waited for a processor;
/// past it, more at a time would only make all of them slower.
const WAITING: f64 = 50.0;
/// Processes that want a processor, for each processor, on a host that does not
/// tell how long they wait for it.
const WANTING: f64 = 2.0;

/// Whether the processors have more than enough to do.
///
/// A kernel that tells neither is taken to be idle: nothing is kept waiting for
/// a value that does not come.
///
/// # Kernel
/// psi(5) (Documentation/accounting/psi.rst), Linux 4.20, unless booted with
/// `psi=0`; proc_loadavg(5) elsewhere. Both are averages that the kernel renews
/// every two and every five seconds.
#[must_use]
pub fn is_busy() -> bool {
    if let Some(waiting) = read(PRESSURE).as_deref().and_then(waiting) {
        return waiting >= WAITING;
    }
    let wanting = read(LOAD).as_deref().and_then(wanting);
    wanting.is_some_and(|wanting| wanting >= WANTING * f64::from(processors()))
}

/// How many processors this process may use.
#[must_use]
pub fn processors() -> u32 {
    let number = std::thread::available_parallelism().map_or(1, NonZero::get);
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn read(path: &str) -> Option<String> {
    veld_kernfs::read(Path::new(path)).ok()
}

/// The `avg10` of the line `some`.
fn waiting(text: &str) -> Option<f64> {
    let some = text.lines().find_map(|line| line.strip_prefix("some "))?;
    let mut values = some.split(' ');
    values.find_map(|value| value.strip_prefix("avg10=")?.parse().ok())
}

/// The average of the last minute.
fn wanting(text: &str) -> Option<f64> {
    text.split(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_averages_are_found_and_nonsense_is_nothing() {
        let text = "some avg10=51.25 avg60=4.68 avg300=12.34 total=88153651\n\
                    full avg10=1.00 avg60=0.00 avg300=0.00 total=0";
        assert_eq!(waiting(text), Some(51.25));
        assert_eq!(waiting("full avg10=1.00"), None);
        assert_eq!(wanting("0.73 1.24 0.70 1/82 4472"), Some(0.73));
        for text in ["", "some", "some avg10=", "some avg10=x"] {
            assert_eq!((waiting(text), wanting(text)), (None, None), "{text:?}");
        }
    }

    #[test]
    fn this_host_has_processors() {
        assert!(processors() > 0);
    }
}
