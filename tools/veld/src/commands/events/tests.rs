//! Every event in words and as JSON.

use veld_protocol::ending::{Ended, Ending};
use veld_protocol::event::Hit;
use veld_protocol::limit::Limit;

use super::*;
use crate::samples::at;

fn text_of(what: What<'_>, json: bool) -> String {
    let record = Event { at: at(0), what }.to_string();
    let name = "web1".parse().unwrap();
    let mut lines = lines(&name, &format!("nonsense\n{record}\n"), json);
    assert_eq!(lines.len(), 1);
    lines.remove(0).1
}

fn hit(limit: Limit, value: Option<u64>) -> What<'static> {
    What::Hit(Hit {
        limit,
        value,
        times: 12,
        total: 40,
    })
}

#[test]
fn an_event_is_a_time_a_name_and_a_sentence() {
    let ended = Ended {
        ending: Ending::Exited(3),
        asked: false,
        at: at(0),
    };
    let due = at(5);
    for (what, sentence) in [
        (What::Started(0), "started"),
        (What::Started(2), "started again, number 2 in a row"),
        (What::Up, "up"),
        (What::Degraded("ssh"), "degraded, failed services: ssh"),
        (What::Stopping(Cause::Asked), "asked to shut down"),
        (What::Stopping(Cause::Killed), "about to be killed"),
        (What::Stopping(Cause::Inside), "shutting down"),
        (
            What::Stopped(ended),
            "stopped: its PID 1 exited with status 3",
        ),
        (
            What::Restarting { number: 1, due },
            "to be started again at 2023-11-14 22:13:25 UTC, number 1 in a row",
        ),
        (What::StartFailed("cannot a"), "not started: cannot a"),
        (
            hit(Limit::Processes, Some(2000)),
            "fork refused: 2,000 processes reached 12 times, 40 in all",
        ),
        (
            hit(Limit::OutOfMemory, None),
            "out of memory: 12 processes killed, 40 in all",
        ),
        (
            What::TrafficSlowed(500 << 30),
            "slowed down: 500G of traffic a month used up",
        ),
        (
            What::TrafficCut(1 << 20),
            "cut off: 1M of traffic a month used up",
        ),
        (What::TrafficRestored, "as fast as before: traffic is left"),
        (What::Paused, "paused"),
        (What::Resumed, "resumed"),
        (What::Set("ram 1G"), "set ram 1G"),
    ] {
        let expected = format!("2023-11-14 22:13:20 UTC  web1  {sentence}\n");
        assert_eq!(text_of(what, false), expected);
    }
}

#[test]
fn an_object_has_every_key_whatever_happened() {
    assert_eq!(
        text_of(hit(Limit::Processes, Some(2000)), true),
        "{\"at_unix_seconds\":1700000000.25,\"ve\":\"web1\",\"event\":\"limit-hit\",\
         \"limit\":\"processes\",\"limit_bytes\":null,\"limit_processes\":2000,\"times\":12,\
         \"times_in_all\":40,\
         \"text\":\"fork refused: 2,000 processes reached 12 times, 40 in all\"}\n"
    );
    assert_eq!(
        text_of(What::Up, true),
        "{\"at_unix_seconds\":1700000000.25,\"ve\":\"web1\",\"event\":\"up\",\"limit\":null,\
         \"limit_bytes\":null,\"limit_processes\":null,\"times\":null,\"times_in_all\":null,\
         \"text\":\"up\"}\n"
    );
}
