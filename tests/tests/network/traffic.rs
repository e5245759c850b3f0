//! What a VE moves in a month: counted over its runs, and what becomes of it once that
//! is used up.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use veld_tests::{Host, Ve, host, until};

use crate::{HOST, give_addresses, reaches};

/// Has a VE fetch so many bytes from the test's host, and says how long that took.
fn fetch(ve: &Ve<'_>, bytes: usize) -> Duration {
    let listener = TcpListener::bind((HOST[0], 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(&vec![0; bytes]).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        // Until the other has it all and is gone.
        let _ = stream.read(&mut [0; 1]);
    });
    let begin = Instant::now();
    let got = ve
        .sh(&format!("nc {} {port} </dev/null | wc -c", HOST[0]))
        .ok();
    let took = begin.elapsed();
    server.join().unwrap();
    assert_eq!(got.line().trim(), bytes.to_string());
    took
}

fn traffic(ve: &Ve<'_>) -> Value {
    ve.show()["traffic"].clone()
}

fn total(ve: &Ve<'_>) -> u64 {
    traffic(ve)["total"]["received_bytes"].as_u64().unwrap()
}

/// How often the host has told of this kind of event.
fn events(host: &Host, ve: &Ve<'_>, kind: &str) -> usize {
    let told = host.veld(["events", "--json", ve.name()]).ok().stdout;
    told.matches(&format!("\"event\":\"{kind}\"")).count()
}

/// Makes what was moved be last month's, and lets the shim see that it is time to look.
fn turn_the_month(ve: &Ve<'_>) {
    let account = ve.directory().join("traffic");
    let text = std::fs::read_to_string(&account).unwrap();
    let (_, rest) = text.trim().split_once(' ').unwrap();
    std::fs::write(&account, format!("2020-01 {rest}\n")).unwrap();
    let said = ve.run_directory().join("traffic");
    let text = std::fs::read_to_string(&said).unwrap();
    let (rest, _) = text.split_once("due ").unwrap();
    std::fs::write(&said, format!("{rest}due 1.000000000\n")).unwrap();
}

#[test]
fn what_was_moved_is_counted_over_all_runs_and_once() {
    let host = host!();
    give_addresses();
    let ve = host.ve("a").start();
    fetch(&ve, 300_000);
    let first = total(&ve);
    assert!((300_000..400_000).contains(&first), "{first}");
    ve.stop();
    let stopped = total(&ve);
    assert!(
        (first..first + 50_000).contains(&stopped),
        "{first}, {stopped}"
    );
    for _ in 0..2 {
        // Which sweeps, and finds nothing.
        ve.veld("stop", [""; 0]).fails(1, "veld: a: is not running");
        assert_eq!(total(&ve), stopped);
    }
    ve.start();
    fetch(&ve, 300_000);
    // By its own hand: the shim has seen it end.
    ve.sh("poweroff");
    ve.becomes("stopped");
    until("its end is entered", || total(&ve) >= stopped + 300_000);
    let both = total(&ve);
    assert!(both < stopped + 400_000, "{stopped}, {both}");
    let month = traffic(&ve)["this_month"]["received_bytes"]
        .as_u64()
        .unwrap();
    assert_eq!(month, both);
    let shown = host.veld(["show", "a"]).ok().stdout;
    assert!(shown.contains("traffic      this month "), "{shown}");
}

#[test]
fn a_ve_that_takes_its_link_away_has_moved_what_it_had() {
    let host = host!();
    give_addresses();
    let ve = host.ve("a").with(["--traffic", "20M"]).start();
    fetch(&ve, 300_000);
    // As long as its shim needs to look once.
    std::thread::sleep(Duration::from_secs(6));
    ve.exec(["ip", "link", "del", "eth0"]).done();
    until("it is entered", || total(&ve) >= 300_000);
    let running = total(&ve);
    assert!(running < 400_000, "{running}");
    ve.veld("set", ["net.eth1=routed,ip=10.117.0.201"]).done();
    // A new interface says a word or two of its own.
    let after = total(&ve);
    assert!(
        (running..running + 10_000).contains(&after),
        "twice: {after}"
    );
    ve.stop();
    let stopped = total(&ve);
    assert!((running..running + 50_000).contains(&stopped), "{stopped}");
    ve.start();
    fetch(&ve, 300_000);
    ve.stop();
    assert!(total(&ve) > stopped + 300_000);
}

#[test]
fn a_ve_over_its_traffic_is_slow_until_it_may_move_more() {
    let host = host!();
    give_addresses();
    let options = ["--traffic", "2M", "--traffic-rate", "64K"];
    let ve = host.ve("a").with(options).start();
    assert!(fetch(&ve, 1_000_000) < Duration::from_secs(3));
    assert_eq!(events(&host, &ve, "traffic-slowed"), 0);
    fetch(&ve, 1_200_000);
    until("it is slowed down", || {
        events(&host, &ve, "traffic-slowed") == 1
    });
    assert_eq!(traffic(&ve)["used_up"], true);
    // Less than a second at any other rate; a full bucket goes at once.
    assert!(fetch(&ve, 160_000) > Duration::from_millis(1500));
    // A new start is no way out, and is not told of again.
    ve.stop();
    ve.start();
    assert!(fetch(&ve, 160_000) > Duration::from_millis(1500));
    assert_eq!(events(&host, &ve, "traffic-slowed"), 1);
    ve.veld("set", ["traffic=20M"]).done();
    assert_eq!(events(&host, &ve, "traffic-restored"), 1);
    assert!(fetch(&ve, 1_000_000) < Duration::from_secs(3));
    assert_eq!(traffic(&ve)["used_up"], false);
}

#[test]
fn a_ve_over_its_traffic_is_cut_off_until_the_month_turns() {
    let host = host!();
    give_addresses();
    let options = ["--traffic", "1M", "--traffic-over", "cut"];
    let ve = host.ve("a").with(options).start();
    assert!(reaches(&ve, HOST[0]));
    fetch(&ve, 1_100_000);
    until("it is cut off", || events(&host, &ve, "traffic-cut") == 1);
    // Whatever its root does.
    let undo = "ip link set eth0 down; ip link set eth0 up; ip link set eth0 mtu 1000; \
                ip route add 169.254.0.1 dev eth0; ip route add default via 169.254.0.1";
    ve.sh(undo);
    for address in HOST {
        assert!(!reaches(&ve, address), "{address}");
    }
    turn_the_month(&ve);
    until("it is let go", || {
        events(&host, &ve, "traffic-restored") == 1
    });
    until("it reaches the host", || reaches(&ve, HOST[0]));
    let account = traffic(&ve);
    assert_eq!(account["used_up"], false);
    let month = account["this_month"]["received_bytes"].as_u64().unwrap();
    assert!(month < 100_000, "{account}");
    assert!(total(&ve) > 1_100_000, "{account}");
}

#[test]
fn a_limit_counts_at_once_for_a_ve_that_runs() {
    let host = host!();
    give_addresses();
    let ve = host.ve("a").start();
    fetch(&ve, 1_200_000);
    ve.veld("set", ["traffic=1M", "traffic-over=cut"]).done();
    assert_eq!(events(&host, &ve, "traffic-cut"), 1);
    assert!(!reaches(&ve, HOST[0]));
    ve.veld("set", ["traffic=3M"]).done();
    assert!(reaches(&ve, HOST[0]));
    // And the shim looks at the new one.
    fetch(&ve, 2_000_000);
    until("it is cut off again", || {
        events(&host, &ve, "traffic-cut") == 2
    });
    ve.veld("set", ["traffic="]).done();
    assert!(reaches(&ve, HOST[0]));
}

#[test]
fn a_quota_that_is_set_while_it_runs_counts_as_soon_as_another() {
    let host = host!();
    give_addresses();
    let ve = host.ve("a").start();
    // Its shim has looked, and found none.
    thread::sleep(Duration::from_secs(6));
    ve.veld("set", ["traffic=1M"]).done();
    fetch(&ve, 1_100_000);
    until("it is slowed down", || {
        events(&host, &ve, "traffic-slowed") == 1
    });
}
