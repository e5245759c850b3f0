//! Who reaches whom.

use veld_tests::{Cmd, host, until};

use crate::{BUSYBOX, HOST, addresses, give_addresses, ip, reaches};

#[test]
fn ves_reach_each_other_by_both_protocols() {
    let host = host!();
    let ves = ["a", "b"].map(|name| host.ve(name).start());
    for (from, to) in [(0, 1), (1, 0)] {
        for address in addresses(&ves[to]) {
            assert!(reaches(&ves[from], &address), "{address}");
        }
    }
    // One that nobody has is not answered for by anybody.
    for nobody in ["10.117.0.199", "fd76:656c:64::c7"] {
        assert!(!reaches(&ves[0], nobody), "{nobody}");
    }
}

#[test]
fn a_service_of_one_ve_serves_another() {
    let host = host!();
    let ves = ["a", "b"].map(|name| host.ve(name).start());
    for address in addresses(&ves[1]) {
        let server = "nc -l -p 7000 -e hostname </dev/null >/dev/null 2>&1 &";
        ves[1].sh(server).done();
        until("somebody listens", || {
            // 7000 in hexadecimal, and a listening socket's state.
            let sockets = ves[1].exec(["cat", "/proc/net/tcp", "/proc/net/tcp6"]);
            sockets
                .lines()
                .any(|line| line.contains(":1B58 ") && line.contains(" 0A "))
        });
        let answer = ves[0].exec(["nc", "-w", "2", &address, "7000"]);
        assert_eq!(answer.ok().line(), "b", "{address}");
    }
}

#[test]
fn a_ve_and_its_host_reach_each_other() {
    let host = host!();
    give_addresses();
    let ve = host.ve("a").start();
    for address in HOST {
        assert!(reaches(&ve, address), "{address}");
    }
    for address in addresses(&ve) {
        let ping = ["ping", "-c", "1", "-W", "1", &address];
        Cmd::program(BUSYBOX, ping).run().ok();
    }
}

#[test]
fn who_keeps_the_network_of_a_ve_with_rules_has_nothing_of_it_once_they_are_gone() {
    let host = host!();
    let ve = host.ve("a").with(["--default-out", "deny"]).start();
    let kept = std::fs::File::open(format!("/proc/{}/ns/net", ve.init_pid())).unwrap();
    let link = format!("veld{}@", ve.show()["id"]);
    let is_there = || ip(&["-o", "link"]).contains(&link);
    assert!(is_there());
    ve.stop();
    assert!(!is_there());
    drop(kept);
}

#[test]
fn a_ve_without_a_network_reaches_nobody() {
    let host = host!();
    give_addresses();
    let ves = [
        host.ve("a").start(),
        host.ve("b").with(["--network", "none"]).start(),
    ];
    let all = addresses(&ves[0]);
    for address in all.iter().map(String::as_str).chain(HOST) {
        assert!(!reaches(&ves[1], address), "{address}");
    }
    assert!(reaches(&ves[1], "127.0.0.1"));
    assert!(reaches(&ves[1], "::1"));
}
