//! How xtask speaks: one heading per step, and how long it took.

use std::time::{Duration, Instant};

use anyhow::Result;

/// Announces a part of the work.
pub(crate) fn heading(what: &str) {
    println!("\n== {what}");
}

/// Does `work` under a heading and says how long it took.
pub(crate) fn step<T>(what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    heading(what);
    let begin = Instant::now();
    let result = work()?;
    println!("   {what}: {}", time(begin.elapsed()));
    Ok(result)
}

/// A duration with three significant digits and its unit.
pub(crate) fn time(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds >= 100.0 {
        format!("{seconds:.0} s")
    } else if seconds >= 10.0 {
        format!("{seconds:.1} s")
    } else if seconds >= 1.0 {
        format!("{seconds:.2} s")
    } else if seconds >= 0.1 {
        format!("{:.0} ms", seconds * 1e3)
    } else if seconds >= 0.01 {
        format!("{:.1} ms", seconds * 1e3)
    } else {
        format!("{:.2} ms", seconds * 1e3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_three_digits_and_a_unit() {
        let cases = [
            (252, "252 s"),
            (12_340, "12.3 s"),
            (1_234, "1.23 s"),
            (123, "123 ms"),
        ];
        assert_eq!(time(Duration::from_secs(cases[0].0)), cases[0].1);
        for (milliseconds, text) in &cases[1..] {
            assert_eq!(time(Duration::from_millis(*milliseconds)), *text);
        }
        assert_eq!(time(Duration::from_micros(12_340)), "12.3 ms");
        assert_eq!(time(Duration::from_micros(1_234)), "1.23 ms");
    }
}
