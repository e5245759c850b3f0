//! What limits have refused, in words.

use veld_protocol::event::Hit;
use veld_protocol::limit::{Limit, Unit};
use veld_supervisor::Refusals;
use veld_units::Bytes;

use crate::moment;

/// One limit in `show`: `fork: 2,000 processes reached 12 times, last …`.
pub(crate) fn row(refusals: &Refusals) -> String {
    let Refusals {
        limit,
        value,
        times,
        ..
    } = *refusals;
    let mut text = format!("{}: {}", what(limit), reached(limit, value, times));
    if let Some(last) = refusals.last {
        text += ", last ";
        text += &moment::utc(last);
    }
    text
}

/// One event: `fork refused: 2,000 processes reached 12 times`.
pub(crate) fn sentence(hit: &Hit) -> String {
    let (limit, value) = (hit.limit, hit.value);
    let done = match limit {
        Limit::Processes | Limit::Swap | Limit::HugePages(_) => " refused",
        Limit::Memory | Limit::MemoryAndSwap => " short",
        Limit::MemoryHigh | Limit::CpuTime => " held back",
        Limit::OutOfMemory => "",
    };
    let mut text = format!(
        "{}{done}: {}",
        what(limit),
        reached(limit, value, hit.times)
    );
    if hit.total > hit.times {
        text += &format!(", {} in all", grouped(hit.total));
    }
    text
}

/// What was refused or held back.
fn what(limit: Limit) -> String {
    match limit {
        Limit::Processes => "fork".to_owned(),
        Limit::Memory | Limit::MemoryHigh => "memory".to_owned(),
        Limit::MemoryAndSwap => "memory and swap".to_owned(),
        Limit::Swap => "swap".to_owned(),
        Limit::OutOfMemory => "out of memory".to_owned(),
        Limit::CpuTime => "CPU time".to_owned(),
        Limit::HugePages(kib) => format!("huge pages of {:#}", size(kib.saturating_mul(1024))),
    }
}

/// How often which limit was reached.
fn reached(limit: Limit, value: Option<u64>, times: u64) -> String {
    let number = grouped(times);
    let s = if times == 1 { "" } else { "s" };
    match limit {
        Limit::OutOfMemory => {
            let es = if times == 1 { "" } else { "es" };
            return format!("{number} process{es} killed");
        }
        Limit::CpuTime => return format!("the limit reached in {number} period{s}"),
        Limit::Processes
        | Limit::Memory
        | Limit::MemoryHigh
        | Limit::MemoryAndSwap
        | Limit::Swap
        | Limit::HugePages(_) => {}
    }
    let value = match (value, limit.unit()) {
        (Some(value), Some(Unit::Processes)) => format!("{} processes", grouped(value)),
        (Some(value), Some(Unit::Bytes)) => format!("{:#}", size(value)),
        _ => "the limit".to_owned(),
    };
    format!("{value} reached {number} time{s}")
}

fn size(bytes: u64) -> Bytes {
    Bytes::new(bytes)
}

/// `12,345,678`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::at;

    #[test]
    fn numbers_have_their_thousands_apart() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (2000, "2,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn every_limit_has_a_sentence() {
        let table = [
            (
                Limit::Processes,
                Some(2000),
                12,
                "fork refused: 2,000 processes reached 12 times",
            ),
            (
                Limit::Memory,
                Some(64 << 20),
                1,
                "memory short: 64M reached 1 time",
            ),
            (
                Limit::MemoryHigh,
                Some(1 << 30),
                2,
                "memory held back: 1G reached 2 times",
            ),
            (
                Limit::MemoryAndSwap,
                None,
                2,
                "memory and swap short: the limit reached 2 times",
            ),
            (Limit::Swap, Some(0), 3, "swap refused: 0 reached 3 times"),
            (
                Limit::OutOfMemory,
                None,
                2,
                "out of memory: 2 processes killed",
            ),
            (
                Limit::CpuTime,
                None,
                1,
                "CPU time held back: the limit reached in 1 period",
            ),
            (
                Limit::HugePages(2048),
                Some(4 << 20),
                1,
                "huge pages of 2M refused: 4M reached 1 time",
            ),
        ];
        for (limit, value, times, text) in table {
            let hit = |total| Hit {
                limit,
                value,
                times,
                total,
            };
            assert_eq!(sentence(&hit(times)), text);
            assert_eq!(sentence(&hit(4000)), format!("{text}, 4,000 in all"));
        }
    }

    #[test]
    fn a_row_says_when_it_was_last_seen() {
        let mut refusals = Refusals {
            limit: Limit::Processes,
            value: Some(2000),
            times: 12,
            last: Some(at(0)),
        };
        assert_eq!(
            row(&refusals),
            "fork: 2,000 processes reached 12 times, last 2023-11-14 22:13:20 UTC"
        );
        refusals.last = None;
        assert_eq!(row(&refusals), "fork: 2,000 processes reached 12 times");
    }
}
