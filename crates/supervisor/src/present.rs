//! New limits against what is in use at present.

use std::fmt;

use veld_cgroups::{Effective, Limits};
use veld_units::Bytes;

/// A limit that is below what is in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bound {
    word: &'static str,
    limit: String,
    used: String,
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { word, limit, used } = self;
        write!(f, "{word} of {limit} is below the {used} in use")
    }
}

/// Which of the new limits lower what the kernel holds, and below what is in use.
///
/// Page cache is not counted: the kernel drops it when a limit is lowered, and
/// nothing is lost by that.
pub(crate) fn below_use(new: &Limits, present: &Effective) -> Vec<Bound> {
    let cache = present.memory_cache.unwrap_or_default();
    let memory = present.memory_used.map(|used| used.saturating_sub(cache));
    let size = |bytes: u64| format!("{:#}", Bytes::new(bytes));
    let count = |count: u64| count.to_string();
    let bound = |word,
                 limit: Option<u64>,
                 [held, used]: [Option<u64>; 2],
                 shown: &dyn Fn(u64) -> String| {
        let (limit, used) = limit.zip(used)?;
        // The kernel rounds down to whole pages: what it holds of this same limit
        // is never more.
        let lowers = held.is_none_or(|held| limit < held);
        (lowers && limit < used).then(|| Bound {
            word,
            limit: shown(limit),
            used: shown(used),
        })
    };
    let memory = [present.memory, memory];
    let swap = [present.swap, present.swap_used];
    let processes = [present.processes, present.processes_now];
    [
        bound("ram", new.memory, memory, &size),
        bound("swap", new.swap, swap, &size),
        bound("processes", new.processes, processes, &count),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn present() -> Effective {
        let mut present = Effective::default();
        present.memory_used = Some(100 << 20);
        present.memory_cache = Some(60 << 20);
        present.swap_used = Some(0);
        present.processes_now = Some(12);
        present
    }

    fn limits(memory: Option<u64>, processes: Option<u64>) -> Limits {
        Limits {
            memory,
            processes,
            ..Limits::default()
        }
    }

    #[test]
    fn both_numbers_are_said() {
        let new = limits(Some(32 << 20), Some(8));
        let bounds = below_use(&new, &present());
        let texts: Vec<String> = bounds.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "ram of 32M is below the 40M in use",
                "processes of 8 is below the 12 in use"
            ]
        );
    }

    #[test]
    fn cache_and_what_stays_as_it_is_do_not_count() {
        let new = limits(Some(40 << 20), Some(12));
        assert_eq!(below_use(&new, &present()), []);
        let low = limits(Some((8 << 20) + 1), Some(1));
        let mut held = present();
        held.memory = Some(8 << 20);
        held.processes = Some(1);
        assert_eq!(below_use(&low, &held), []);
        held.memory = Some(9 << 20);
        assert_eq!(below_use(&low, &held).len(), 1);
    }
}
