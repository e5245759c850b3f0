//! A VE that sends under an address that is not its own.

use std::fs;

use veld_tests::{Cmd, Ve, host};

use crate::{HOST, addresses, give_addresses};

/// Echo requests that came in, by a kernel's counters, for both protocols. The
/// answer to a false sender never comes back, so no answer would prove nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Received([u64; 2]);

impl Received {
    fn of(old: &str, new: &str) -> Self {
        let mut icmp = old.lines().filter(|line| line.starts_with("Icmp: "));
        let (keys, values) = (icmp.next().unwrap(), icmp.next().unwrap());
        let mut pairs = keys.split_whitespace().zip(values.split_whitespace());
        let (_, first) = pairs.find(|(key, _)| *key == "InEchos").unwrap();
        let mut pairs = new
            .lines()
            .filter_map(|line| line.split_once(char::is_whitespace));
        let (_, second) = pairs.find(|(key, _)| *key == "Icmp6InEchos").unwrap();
        Self([first, second].map(|number| number.trim().parse().unwrap()))
    }

    fn inside(ve: &Ve<'_>) -> Self {
        let text = |name: &str| ve.exec(["cat", &format!("/proc/net/{name}")]).ok().stdout;
        Self::of(&text("snmp"), &text("snmp6"))
    }

    fn by_the_host() -> Self {
        let text =
            |name: &str| fs::read_to_string(format!("/proc/thread-self/net/{name}")).unwrap();
        Self::of(&text("snmp"), &text("snmp6"))
    }
}

#[test]
fn no_packet_under_another_ves_address_reaches_a_ve_or_the_host() {
    let host = host!();
    give_addresses();
    let [liar, victim, target] = ["a", "b", "c"].map(|name| host.ve(name).start());
    let (own, of_target) = (addresses(&liar), addresses(&target));
    let false_ones = addresses(&victim);
    take(&liar, &false_ones);
    for family in 0..2 {
        let [before, at_host] = [Received::inside(&target), Received::by_the_host()];
        let lies = [&of_target[family], HOST[family]].map(|to| [&false_ones[family], to]);
        send_in_vain(&liar, &lies);
        assert_eq!(Received::inside(&target), before, "{}", false_ones[family]);
        assert_eq!(Received::by_the_host(), at_host, "{}", false_ones[family]);
        // The same, under its own name.
        assert!(
            send(&liar, &own[family], &of_target[family]),
            "{}",
            own[family]
        );
        assert!(send(&liar, &own[family], HOST[family]), "{}", own[family]);
        assert_eq!(Received::inside(&target).0[family], before.0[family] + 1);
        assert_eq!(Received::by_the_host().0[family], at_host.0[family] + 1);
    }
}

#[test]
fn no_packet_under_an_address_of_the_host_or_of_nobody_is_forwarded() {
    let host = host!();
    give_addresses();
    let [liar, target] = ["a", "b"].map(|name| host.ve(name).start());
    let of_target = addresses(&target);
    let own = addresses(&liar);
    let false_ones = [[HOST[0], "198.51.100.9"], [HOST[1], "2001:db8:9::9"]];
    for (family, addresses) in false_ones.iter().enumerate() {
        take(&liar, addresses);
        let before = Received::inside(&target);
        send_in_vain(&liar, &addresses.map(|from| [from, &of_target[family]]));
        assert_eq!(Received::inside(&target), before, "{addresses:?}");
        assert!(send(&liar, &own[family], &of_target[family]));
        assert_eq!(Received::inside(&target).0[family], before.0[family] + 1);
    }
}

#[test]
fn a_packet_made_by_hand_does_not_get_further() {
    let host = host!();
    let [liar, victim, target] = ["a", "b", "c"].map(|name| host.ve(name).start());
    let [of_liar, of_victim, of_target] =
        [&liar, &victim, &target].map(|ve| addresses(ve)[0].clone());
    let strange = || {
        let text = target.exec(["cat", "/proc/net/snmp"]).ok().stdout;
        let values = text.lines().filter(|line| line.starts_with("Ip: ")).nth(1);
        // InUnknownProtos, the eighth column.
        values
            .unwrap()
            .split(' ')
            .nth(7)
            .unwrap()
            .parse::<u64>()
            .unwrap()
    };
    let before = strange();
    liar.probe(["send-from", &of_victim, &of_target]).ok();
    assert_eq!(strange(), before);
    liar.probe(["send-from", &of_liar, &of_target]).ok();
    assert_eq!(strange(), before + 1);
}

#[test]
fn a_victim_keeps_its_own_address_while_another_claims_it() {
    let host = host!();
    give_addresses();
    let [liar, victim] = ["a", "b"].map(|name| host.ve(name).start());
    take(&liar, &addresses(&victim));
    for address in addresses(&victim) {
        let before = Received::inside(&victim);
        let ping = ["ping", "-c", "1", "-W", "1", &address];
        Cmd::program(crate::BUSYBOX, ping).run().ok();
        assert_ne!(Received::inside(&victim), before, "{address}");
    }
}

/// Gives a VE's link these addresses, as its root may.
fn take<S: AsRef<str>>(ve: &Ve<'_>, addresses: &[S]) {
    // Without the second in which the kernel looks for others that have one.
    ve.sh("echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_dad")
        .done();
    for address in addresses {
        let address = address.as_ref();
        ve.exec(["ip", "address", "add", address, "dev", "eth0"])
            .done();
    }
}

/// Sends echo requests, each under one address to another, all at once: every
/// answer that does not come takes its time not to.
fn send_in_vain(ve: &Ve<'_>, from_to: &[[&str; 2]]) {
    let ping = |[from, to]: &[&str; 2]| format!("ping -I {from} -c 1 -W 1 {to} & ");
    let script: String = from_to.iter().map(ping).collect();
    let sent = ve.sh(&format!("{script} wait")).stdout;
    let count = |text| sent.matches(text).count();
    assert_eq!(count("1 packets transmitted"), from_to.len(), "{sent}");
    assert_eq!(count("100% packet loss"), from_to.len(), "{sent}");
}

/// Whether an echo request under an address is answered.
fn send(ve: &Ve<'_>, from: &str, to: &str) -> bool {
    let sent = ve.exec(["ping", "-I", from, "-c", "1", "-W", "1", to]);
    assert!(
        sent.stdout.contains("1 packets transmitted"),
        "{}",
        sent.stderr
    );
    sent.status == 0
}
