//! Links that are held to a rate, measured by iperf3 in a VE whose server is the host's.

use std::process::Stdio;

use veld_tests::{Cmd, Running, Ve, host, until};

use crate::{HOST, give_addresses, ip};

const IPERF: &str = "/usr/bin/iperf3";

/// What iperf3 is told besides, of each protocol. It sends datagrams as fast as it can.
const PROTOCOLS: [&[&str]; 2] = [&[], &["-u", "-b", "0"]];

/// A server of iperf3's on the test's host, until this is dropped.
fn serve() -> Running {
    let mut server = Cmd::program(IPERF, ["-s"]);
    server.inner().stdout(Stdio::null()).stderr(Stdio::null());
    let server = server.spawn_as_it_is();
    until("iperf3 listens", || {
        let listening = Cmd::program("ss", ["-Hltn", "sport = 5201"]).run();
        !listening.ok().stdout.is_empty()
    });
    server
}

/// Puts the machine's iperf3 with its libraries into a VE.
fn bring_iperf(ve: &Ve<'_>) {
    let libraries = Cmd::program("ldd", [IPERF]).run().ok().stdout;
    let paths = libraries
        .split_whitespace()
        .filter(|word| word.starts_with('/'));
    for path in paths.chain([IPERF]) {
        let (directory, _) = path.rsplit_once('/').unwrap();
        ve.sh(&format!("mkdir -p {directory}")).done();
        ve.put(path, std::fs::read(path).unwrap(), "755");
    }
}

/// Bytes per second that arrive of a flow of three seconds from a VE.
fn flow(ve: &Ve<'_>, words: &[&str]) -> f64 {
    let told = ["iperf3", "-c", HOST[0], "-t", "3", "-f", "K"];
    let said = ve.exec(told.iter().chain(words)).ok().stdout;
    let line = said.lines().rfind(|line| line.ends_with("receiver"));
    let line = line.unwrap_or_else(|| panic!("no receiver in {said}"));
    let before = line.split(" KBytes/sec").next().unwrap();
    let kibibytes: f64 = before.split(' ').next_back().unwrap().parse().unwrap();
    kibibytes * 1024.0
}

/// The headers of full packets are 4.5 % of them; a busy machine does less, and none
/// does more.
#[track_caller]
fn assert_near(rate: f64, wanted: f64, what: &str) {
    let ratio = rate / wanted;
    assert!(
        (0.85..1.06).contains(&ratio),
        "{what}: {rate:.0} bytes/s, {ratio:.3} of the rate"
    );
}

#[test]
fn both_protocols_go_at_the_rate_both_ways_and_at_the_new_one_at_once() {
    if !Cmd::is_there("iperf3") || !Cmd::is_there("ss") {
        return;
    }
    let host = host!();
    give_addresses();
    let ve = host
        .ve("a")
        .with(["--rate-in", "8M", "--rate-out", "3M"])
        .start();
    bring_iperf(&ve);
    let _server = serve();
    let [fast, slow] = [f64::from(8 << 20), f64::from(3 << 20)];
    for protocol in PROTOCOLS {
        assert_near(flow(&ve, &[protocol, &["-R"]].concat()), fast, "in");
        assert_near(flow(&ve, protocol), slow, "out");
    }
    ve.veld("set", ["rate-in=2M", "rate-out=6M"]).done();
    assert_near(flow(&ve, &["-R"]), f64::from(2 << 20), "in, changed");
    assert_near(flow(&ve, &[]), f64::from(6 << 20), "out, changed");
    ve.veld("set", ["rate-in=", "rate-out="]).done();
    for words in [&["-R"][..], &[]] {
        let free = flow(&ve, words);
        assert!(free > 5.0 * fast, "{words:?}: {free}");
    }
    assert_eq!(ip(&["-o", "link", "show", "type", "ifb"]), "");
}

#[test]
fn what_limits_a_ve_goes_with_its_run_whoever_ends_it() {
    let host = host!();
    let ve = host.ve("a").with(["--rate-out", "1M"]).start();
    let shapers = || ip(&["-o", "link", "show", "type", "ifb"]);
    assert!(shapers().contains("veld101o"), "{}", shapers());
    ve.stop();
    assert_eq!(shapers(), "");
    // Its own end, and one that nobody has seen.
    ve.start();
    ve.sh("poweroff");
    ve.becomes("stopped");
    until("its shaper is gone", || shapers().is_empty());
    ve.start();
    for pid in [ve.shim_pid(), ve.init_pid()] {
        Cmd::program("kill", ["-9", &pid.to_string()]).run().done();
    }
    ve.becomes("stopped");
    ve.start();
    assert_eq!(shapers().lines().count(), 1, "{}", shapers());
    ve.stop();
    assert_eq!(shapers(), "");
}

#[test]
fn what_shaped_a_link_that_is_gone_goes_with_a_repair() {
    let host = host!();
    if !Cmd::is_there("nft") {
        return;
    }
    let _ve = host.ve("a").with(["--rate-out", "1M"]).start();
    for name in ["veld36862o", "other0"] {
        ip(&["link", "add", name, "type", "ifb"]);
    }
    host.veld(["net", "repair"]).ok();
    let left = ip(&["-o", "link", "show", "type", "ifb"]);
    assert!(
        left.contains("veld101o") && left.contains("other0"),
        "{left}"
    );
    assert!(!left.contains("veld36862o"), "{left}");
    ip(&["link", "delete", "other0"]);
}

#[test]
fn a_rate_for_an_interface_without_an_end_on_the_host_is_refused() {
    let host = host!();
    let ve = host.ve("a").create();
    let refused = ve.veld("set", ["network=macvlan", "link=up0", "rate-in=1M"]);
    assert_eq!(refused.status, 1, "{refused:?}");
    let why = "only routed interfaces and those on bridges have a rate";
    assert!(refused.stderr.contains(why), "{}", refused.stderr);
}
