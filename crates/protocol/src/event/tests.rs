//! Every event as a line, and lines that are none.

use proptest::prelude::*;

use super::*;
use crate::ending::Ending;

const AT: Stamp = Stamp {
    seconds: 1_700_000_000,
    nanos: 123_000_000,
};

fn all() -> [(What<'static>, &'static str); 17] {
    let hit = |limit, value| {
        What::Hit(Hit {
            limit,
            value,
            times: 12,
            total: 40,
        })
    };
    let ended = Ended {
        ending: Ending::PowerOff,
        asked: true,
        at: AT,
    };
    [
        (What::Started(2), "started 2"),
        (What::Up, "up"),
        (What::Degraded("ssh cron"), "degraded ssh cron"),
        (What::Stopping(Cause::Asked), "stopping asked"),
        (What::Stopping(Cause::Killed), "stopping killed"),
        (What::Stopping(Cause::Inside), "stopping inside"),
        (
            What::Stopped(ended),
            "stopped poweroff asked 1700000000.123000000",
        ),
        (
            What::Restarting { number: 3, due: AT },
            "restarting 3 1700000000.123000000",
        ),
        (What::StartFailed("cannot a: b"), "start-failed cannot a: b"),
        (
            hit(Limit::Processes, Some(2000)),
            "limit-hit processes 2000 12 40",
        ),
        (hit(Limit::OutOfMemory, None), "oom - 12 40"),
        (What::TrafficSlowed(1 << 40), "traffic-slowed 1099511627776"),
        (What::TrafficCut(7), "traffic-cut 7"),
        (What::TrafficRestored, "traffic-restored"),
        (What::Paused, "paused"),
        (What::Resumed, "resumed"),
        (What::Set("ram 512M"), "set ram 512M"),
    ]
}

#[test]
fn every_event_is_read_from_the_line_that_it_writes() {
    for (what, words) in all() {
        let event = Event { at: AT, what };
        let line = event.to_string();
        assert_eq!(line, format!("1700000000.123000000 {words}"));
        assert_eq!(Event::parse(&line), Some(event));
        assert_eq!(Event::parse(&format!("{line}\n")), Some(event));
    }
}

#[test]
fn a_long_text_is_cut_and_one_line() {
    let text = "a\nb\u{1b}é".repeat(300);
    let what = What::StartFailed(&text);
    let line = format!("{}\n", Event { at: AT, what });
    assert!(line.len() <= LINE, "{}", line.len());
    assert!(line.len() > LINE - 100, "{}", line.len());
    assert!(!line.trim_end().contains(char::is_control), "{line:?}");
    assert!(Event::parse(&line).is_some());
}

#[test]
fn what_makes_no_sense_is_no_event() {
    for line in [
        "",
        "1.0",
        "1.0 ",
        "x up",
        "1.0 up 1",
        "1.0 UP",
        "1.0 started",
        "1.0 started -1",
        "1.0 stopping",
        "1.0 stopped",
        "1.0 restarting 1",
        "1.0 limit-hit processes",
        "1.0 limit-hit processes 1 2",
        "1.0 limit-hit processes 1 2 3 4",
        "1.0 oom 1 x 3",
        "1.0 limit-hit colour 1 2 3",
    ] {
        assert_eq!(Event::parse(line), None, "{line:?}");
    }
}

proptest! {
    #[test]
    fn no_text_is_too_much_for_the_parser(line in "\\PC{0,80}") {
        let _ = Event::parse(&line);
        let _ = Event::parse(&format!("1.0 limit-hit {line}"));
    }
}
