//! What a schedule asks for now, and what of what it made has had its time.
//!
//! Periods are those of the calendar, so it does not matter when or how often
//! somebody asks: a period without a snapshot wants one, be it that the host was
//! off for a day or a month. A clock that goes back makes at most one more, and
//! which are the newest is told by their numbers and not by the clock.

use veld_config::{Keep, Schedule};
use veld_protocol::stamp::Stamp;
use veld_storage::Record;

/// The lines of a schedule that want a snapshot at this moment.
pub(super) fn due(schedules: &[Schedule], made: &[Record], now: Stamp) -> Vec<Schedule> {
    let mut due = schedules.to_vec();
    due.retain(|schedule| {
        let this = schedule.period.number(now);
        let word = schedule.period.to_string();
        !made.iter().any(|record| {
            record.schedules.contains(&word) && schedule.period.number(created(record)) == this
        })
    });
    due
}

/// The numbers of the snapshots that are to go: of those made by hand the ones
/// whose time is over, of others the ones that no line of the schedule keeps. What
/// was made for a line that there is no more is kept.
pub(super) fn expired(schedules: &[Schedule], made: &[Record], now: Stamp) -> Vec<u64> {
    let is_over = |record: &&Record| {
        if record.schedules.is_empty() {
            return record.expires.is_some_and(|expires| expires <= now.seconds);
        }
        let mut words = record.schedules.iter();
        !words.any(|word| keeps(schedules, word, made, record, now))
    };
    let over = made.iter().filter(is_over);
    over.map(|record| record.number).collect()
}

/// Whether the line of a schedule with this word keeps a snapshot.
fn keeps(
    schedules: &[Schedule],
    word: &String,
    made: &[Record],
    record: &Record,
    now: Stamp,
) -> bool {
    let mut lines = schedules.iter();
    let Some(line) = lines.find(|line| line.period.to_string() == *word) else {
        return true;
    };
    match line.keep {
        Keep::Count(count) => {
            let newer =
                |other: &&Record| other.number > record.number && other.schedules.contains(word);
            made.iter().filter(newer).count() < usize::from(count)
        }
        Keep::Time(time) => now < created(record).later_by(time.duration()),
    }
}

fn created(record: &Record) -> Stamp {
    Stamp {
        seconds: record.created,
        nanos: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HOUR: u64 = 3600;
    const DAY: u64 = 24 * HOUR;
    /// A Monday, 00:00.
    const START: u64 = 1_700_438_400;

    fn at(seconds: u64) -> Stamp {
        Stamp { seconds, nanos: 0 }
    }

    fn lines(lines: &[&str]) -> Vec<Schedule> {
        lines.iter().map(|line| line.parse().unwrap()).collect()
    }

    fn made(number: u64, created: u64, schedules: &[&str]) -> Record {
        Record {
            number,
            created,
            schedules: schedules.iter().map(|&word| word.to_owned()).collect(),
            ..Record::default()
        }
    }

    fn words(schedules: &[Schedule], all: &[Record], now: u64) -> Vec<String> {
        let due = due(schedules, all, at(now));
        due.iter().map(|line| line.period.to_string()).collect()
    }

    /// What a host does that asks at these moments, and what it has at the end.
    fn run(schedules: &[Schedule], moments: impl IntoIterator<Item = u64>) -> Vec<Record> {
        let mut all: Vec<Record> = Vec::new();
        let mut number = 0;
        for now in moments {
            let due = words(schedules, &all, now);
            if !due.is_empty() {
                number += 1;
                let due: Vec<&str> = due.iter().map(String::as_str).collect();
                all.push(made(number, now, &due));
            }
            let over = expired(schedules, &all, at(now));
            all.retain(|record| !over.contains(&record.number));
        }
        all
    }

    #[test]
    fn a_period_without_a_snapshot_wants_one() {
        let schedules = lines(&["hourly keep 24", "daily keep 7"]);
        let all = [made(1, START + HOUR, &["hourly", "daily"])];
        for (now, expected) in [
            (START + HOUR, vec![]),
            (START + 2 * HOUR - 1, vec![]),
            (START + 2 * HOUR, vec!["hourly"]),
            (START + DAY, vec!["hourly", "daily"]),
            (START + 300 * DAY, vec!["hourly", "daily"]),
            // The clock went back by more than a period.
            (START - 1, vec!["hourly", "daily"]),
        ] {
            assert_eq!(words(&schedules, &all, now), expected, "{now}");
        }
        let by_hand = [made(1, START, &[])];
        assert_eq!(words(&schedules, &by_hand, START), ["hourly", "daily"]);
    }

    #[test]
    fn as_many_are_kept_as_was_said() {
        let schedules = lines(&["hourly keep 3", "daily keep 2"]);
        let all = run(&schedules, (0..72).map(|hour| START + hour * HOUR));
        let hours: Vec<u64> = all.iter().map(|it| (it.created - START) / HOUR).collect();
        assert_eq!(hours, [24, 48, 69, 70, 71]);
    }

    #[test]
    fn what_was_missed_is_made_up_for_once() {
        let schedules = lines(&["hourly keep 24"]);
        let moments = [START, START + 10 * HOUR, START + 10 * HOUR + 1];
        assert_eq!(run(&schedules, moments).len(), 2);
    }

    #[test]
    fn a_time_is_over_when_it_is() {
        let schedules = lines(&["weekly for 2d"]);
        let all = [made(1, START, &["weekly"])];
        assert!(expired(&schedules, &all, at(START + 2 * DAY - 1)).is_empty());
        assert_eq!(expired(&schedules, &all, at(START + 2 * DAY)), [1]);
        // Of a line that there is no more.
        assert!(expired(&[], &all, at(START + 900 * DAY)).is_empty());
    }

    #[test]
    fn one_by_hand_goes_when_its_own_time_is_over_and_no_sooner() {
        let schedules = lines(&["hourly keep 1"]);
        let kept = made(1, START, &[]);
        let brief = Record {
            expires: Some(START + DAY),
            ..made(2, START, &[])
        };
        let newer = made(3, START, &["hourly"]);
        let all = [kept, brief, newer];
        assert!(expired(&schedules, &all, at(START + DAY - 1)).is_empty());
        assert_eq!(expired(&schedules, &all, at(START + DAY)), [2]);
    }

    #[test]
    fn a_clock_that_was_ahead_costs_no_snapshot_that_comes_after() {
        let schedules = lines(&["hourly keep 3"]);
        let ahead = (0..3).map(|hour| START + 900 * DAY + hour * HOUR);
        let right = (0..3).map(|hour| START + hour * HOUR);
        let all = run(&schedules, ahead.chain(right));
        assert_eq!(
            all.iter().map(|it| it.number).collect::<Vec<_>>(),
            [4, 5, 6]
        );
    }

    proptest! {
        #[test]
        fn whatever_the_clock_does_the_newest_are_kept(
            moments in proptest::collection::vec(START..START + 20 * DAY, 1..60),
            count in 1_u16..5,
        ) {
            let schedules = lines(&[&format!("every 5h keep {count}")]);
            let all = run(&schedules, moments.iter().copied());
            prop_assert!(all.len() <= usize::from(count));
            let last = *moments.last().unwrap();
            prop_assert!(words(&schedules, &all, last).is_empty());
            let numbers: Vec<u64> = all.iter().map(|it| it.number).collect();
            let newest = numbers.last().unwrap();
            let first = newest + 1 - numbers.len() as u64;
            prop_assert_eq!(numbers.clone(), (first..=*newest).collect::<Vec<_>>());
        }
    }
}
