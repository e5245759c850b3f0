//! Taking samples in turns, and what is said of them.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// Rounds that are thrown away: caches and lazily made kernel objects.
pub(super) const WARM_UP: usize = 3;

/// One side of a comparison.
pub(super) struct Candidate<'a> {
    name: String,
    /// Takes one sample: what it prepares and tidies away is not in the time.
    take: Box<dyn FnMut() -> Result<Duration> + 'a>,
}

impl<'a> Candidate<'a> {
    pub(super) fn new(
        name: impl Into<String>,
        take: impl FnMut() -> Result<Duration> + 'a,
    ) -> Self {
        Self {
            name: name.into(),
            take: Box::new(take),
        }
    }
}

/// The samples of one candidate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Samples {
    pub(super) name: String,
    sorted: Vec<Duration>,
}

impl Samples {
    pub(super) fn new(name: String, mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self {
            name,
            sorted: times,
        }
    }

    /// The middle one, of an even number the mean of the middle two; zero of none.
    pub(super) fn median(&self) -> Duration {
        let half = self.sorted.len() / 2;
        let at = |index: usize| self.sorted.get(index).copied().unwrap_or_default();
        if self.sorted.len() % 2 == 1 {
            return at(half);
        }
        (at(half.saturating_sub(1)) + at(half)) / 2
    }

    /// What this part of the samples, in per cent, does not exceed; zero of none.
    pub(super) fn percentile(&self, part: usize) -> Duration {
        let below = (self.sorted.len() * part).div_ceil(100);
        let index = below.saturating_sub(1);
        self.sorted.get(index).copied().unwrap_or_default()
    }

    /// The smallest and the largest.
    pub(super) fn range(&self) -> (Duration, Duration) {
        let end = |sample: Option<&Duration>| sample.copied().unwrap_or_default();
        (end(self.sorted.first()), end(self.sorted.last()))
    }
}

/// Takes `count` samples of each candidate after `warm_up` rounds. In each
/// round every candidate has one turn, and each round begins with another one,
/// so that none always follows the same neighbour.
///
/// # Errors
/// The first error of a candidate, with its name.
pub(super) fn in_turns(
    mut candidates: Vec<Candidate<'_>>,
    warm_up: usize,
    count: usize,
) -> Result<Vec<Samples>> {
    let mut times: Vec<Vec<Duration>> = candidates.iter().map(|_| Vec::new()).collect();
    let number = candidates.len();
    for round in 0..warm_up + count {
        for turn in 0..number {
            let index = (round + turn) % number;
            let (Some(candidate), Some(times)) = (candidates.get_mut(index), times.get_mut(index))
            else {
                continue;
            };
            let time = (candidate.take)().with_context(|| candidate.name.clone())?;
            if round >= warm_up {
                times.push(time);
            }
        }
    }
    let named = candidates.into_iter().zip(times);
    Ok(named
        .map(|(candidate, times)| Samples::new(candidate.name, times))
        .collect())
}

/// How long `work` takes.
///
/// # Errors
/// Those of `work`.
pub(super) fn timed(work: impl FnOnce() -> Result<()>) -> Result<Duration> {
    let begin = Instant::now();
    work()?;
    Ok(begin.elapsed())
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use anyhow::bail;

    use super::*;

    fn samples(milliseconds: &[u64]) -> Samples {
        let times = milliseconds.iter().copied().map(Duration::from_millis);
        Samples::new("x".to_owned(), times.collect())
    }

    #[test]
    fn the_median_is_the_middle_whatever_the_order() {
        assert_eq!(samples(&[9, 1, 5]).median(), Duration::from_millis(5));
        assert_eq!(samples(&[8, 1, 2, 4]).median(), Duration::from_millis(3));
        assert_eq!(samples(&[7]).median(), Duration::from_millis(7));
        assert_eq!(samples(&[]).median(), Duration::ZERO);
        let (least, most) = samples(&[9, 1, 5]).range();
        assert_eq!((least.as_millis(), most.as_millis()), (1, 9));
    }

    #[test]
    fn a_percentile_is_a_sample_that_so_many_do_not_exceed() {
        let hundred: Vec<u64> = (1..=100).rev().collect();
        assert_eq!(samples(&hundred).percentile(99).as_millis(), 99);
        assert_eq!(samples(&hundred).percentile(100).as_millis(), 100);
        assert_eq!(samples(&[3, 1, 2]).percentile(50).as_millis(), 2);
        assert_eq!(samples(&[]).percentile(99), Duration::ZERO);
    }

    #[test]
    fn candidates_take_turns_and_the_warm_up_is_thrown_away() {
        let order = RefCell::new(String::new());
        let candidate = |name: &'static str, time: u64| {
            let order = &order;
            let mut taken = 0;
            Candidate::new(name, move || {
                order.borrow_mut().push_str(name);
                taken += 1;
                let warm = taken > WARM_UP;
                Ok(Duration::from_millis(if warm { time } else { 1000 }))
            })
        };
        let all = in_turns(vec![candidate("a", 1), candidate("b", 2)], WARM_UP, 2).unwrap();
        assert_eq!(*order.borrow(), "abbaabbaab");
        let medians: Vec<_> = all.iter().map(|one| one.median().as_millis()).collect();
        assert_eq!(medians, [1, 2]);
        assert_eq!(all[0].range().1, Duration::from_millis(1));
    }

    #[test]
    fn an_error_names_its_candidate() {
        let failing = Candidate::new("lxc-start", || bail!("no"));
        let error = in_turns(vec![failing], 0, 1).unwrap_err();
        assert_eq!(format!("{error:#}"), "lxc-start: no");
    }
}
