//! What may come into a VE and go out of it.

use std::path::Path;

use veld_tests::{Cmd, Host, Template, Ve, host, until};

use crate::lan::{Lan, MACHINE};
use crate::publish::serve;
use crate::{addresses, give_addresses, reaches};

/// Whether the test's host gets a VE's page.
fn serves(address: &str) -> bool {
    let url = if address.contains(':') {
        format!("http://[{address}]/")
    } else {
        format!("http://{address}/")
    };
    let words = ["--silent", "--fail", "--max-time", "2", &url];
    Cmd::program("curl", words).run().status == 0
}

/// Whether one VE gets another's.
fn sees(from: &Ve<'_>, to: &Ve<'_>) -> bool {
    let all = addresses(to).map(|address| {
        let got = from.exec(["nc", "-w", "2", &address, "80"]);
        got.status == 0
    });
    assert_eq!(all[0], all[1], "by one protocol as by the other");
    all[0]
}

fn web<'h>(host: &'h Host, name: &str, options: &[&str]) -> Ve<'h> {
    let ve = host.ve(name).with(options.iter().copied()).start();
    serve(&ve);
    ve
}

#[test]
fn a_policy_counts_at_once_and_goes_with_its_last_word() {
    let host = host!();
    give_addresses();
    let ve = web(&host, "web1", &[]);
    let [own4, own6] = addresses(&ve);
    assert!(serves(&own4) && serves(&own6));
    ve.veld("set", ["deny+=in tcp 80"]).done();
    assert!(!serves(&own4) && !serves(&own6));
    assert!(reaches(&ve, "192.0.2.1"), "and nothing else");
    ve.veld(
        "set",
        ["deny=", "default-in=deny", "allow=in tcp 80 from 192.0.2.1"],
    )
    .done();
    // As whom the host speaks, to whom an address is given.
    assert!(serves(&own4) && !serves(&own6));
    ve.veld("set", ["default-in=allow", "allow="]).done();
    assert!(serves(&own4) && serves(&own6));
    let rules = Cmd::program("nft", ["list", "ruleset"]).run().ok().stdout;
    assert!(
        !rules.contains("elements") && !rules.contains("ve101"),
        "{rules}"
    );
}

#[test]
fn a_policy_comes_with_addresses_and_interfaces() {
    let host = host!();
    give_addresses();
    let ve = web(&host, "web1", &["--publish", "8080:80"]);
    let [own4, _] = addresses(&ve);
    ve.veld("set", ["ip+=10.117.9.9", "deny=in tcp 80"]).done();
    assert!(reaches(&ve, "192.0.2.1"));
    assert!(!serves(&own4) && !serves("10.117.9.9"));
    let second = ["net.eth1=routed,ip=10.117.9.8", "default-out=deny"];
    ve.veld("set", second).done();
    assert!(!serves("10.117.9.8") && !reaches(&ve, "192.0.2.1"));
    ve.veld("set", ["net.eth1=", "deny=", "default-out=allow"])
        .done();
    assert!(serves(&own4) && serves("10.117.9.9"));
}

#[test]
fn a_ve_that_may_not_call_is_called() {
    let host = host!();
    let lan = Lan::new();
    let ve = web(
        &host,
        "web1",
        &[
            "--default-out",
            "deny",
            "--allow",
            "out icmp to 198.18.0.0/24",
        ],
    );
    let [own4, own6] = addresses(&ve);
    assert!(serves(&own4) && serves(&own6));
    assert!(reaches(&ve, MACHINE[0]) && !reaches(&ve, MACHINE[1]));
    let _listening = lan.listen(7);
    assert_ne!(ve.exec(["nc", "-w", "1", MACHINE[0], "7"]).status, 0);
    ve.stop();
    ve.start();
    assert!(!reaches(&ve, MACHINE[1]), "after a restart as before");
}

#[test]
fn groups_have_a_policy_in_common_and_see_no_others() {
    let host = host!();
    host.configure(
        "[group.blue]\nisolated = true\n\n[group.red]\ndefault-in = \"deny\"\n\
         allow = [\"in icmp\"]\n",
    );
    give_addresses();
    let blue = ["a", "b"].map(|name| web(&host, name, &["--group", "blue"]));
    let red = web(&host, "c", &["--group", "red"]);
    let free = web(&host, "d", &[]);
    assert!(sees(&blue[0], &blue[1]) && sees(&blue[1], &blue[0]));
    for (from, to) in [(&blue[0], &free), (&free, &blue[0]), (&blue[1], &red)] {
        assert!(!sees(from, to), "{} to {}", from.name(), to.name());
    }
    let [own4, own6] = addresses(&blue[0]);
    assert!(serves(&own4) && serves(&own6), "the host sees all");
    let [own4, own6] = addresses(&red);
    assert!(!serves(&own4) && !serves(&own6) && !sees(&free, &red));
    assert!(reaches(&free, &own4) && reaches(&free, &own6));
    assert!(sees(&red, &free));
    free.veld("set", ["group=blue"]).done();
    assert!(sees(&free, &blue[0]) && !sees(&red, &free));
    free.veld("set", ["group="]).done();
    assert!(!sees(&free, &blue[0]) && sees(&red, &free));
    let refused = free.veld("set", ["group=green"]);
    assert_eq!(refused.status, 1);
    assert!(refused.stderr.contains("green"), "{}", refused.stderr);
}

#[test]
fn a_policy_that_could_not_hold_is_refused() {
    let host = host!();
    let template = Template::Busybox.name();
    let create = |options: &[&str]| {
        let words = ["create", "web1", "--template", &template];
        host.veld([&words[..], options].concat())
    };
    create(&["--group", "green"]).fails(
        1,
        "veld: web1: cannot create: there is no [group.green] in veld.toml",
    );
    for options in [
        &["--network", "bridge", "--default-in", "deny"],
        &["--network", "macvlan:eth0", "--deny", "in tcp 80"],
    ] {
        let said = create(options);
        assert_eq!(said.status, 1);
        let text = "policies and isolated groups are for routed interfaces, and eth0 is";
        assert!(said.stderr.contains(text), "{}", said.stderr);
    }
    assert!(!host.existing("web1").directory().exists());
}

#[test]
fn a_host_without_nft_starts_no_ve_that_needs_it() {
    let host = host!();
    let hidden = |words: &[&str]| {
        // Its own mounts, in which there is no nft.
        let script = "mount -t tmpfs none /usr/sbin && exec \"$@\"";
        let program = Host::program().display().to_string();
        let head = ["--mount", "sh", "-c", script, "sh", &program];
        host.tool(Path::new("unshare"), [&head[..], words].concat())
            .run()
    };
    host.ve("a").create();
    host.ve("b").with(["--publish", "8080:80"]).create();
    let started = hidden(&["start", "a"]);
    assert_eq!(started.status, 0, "{}", started.stderr);
    let text = "cannot run nft: No such file or directory (os error 2): addresses are";
    assert!(started.stderr.contains(text), "{}", started.stderr);
    let refused = hidden(&["start", "b"]);
    assert_eq!(refused.status, 1);
    let text = "cannot run nft: No such file or directory (os error 2): without it no port";
    assert!(refused.stderr.contains(text), "{}", refused.stderr);
    host.existing("b").start();
}

#[test]
fn a_firewall_inside_is_the_ves_own() {
    let host = host!(Template::DebianWeb);
    give_addresses();
    let ves = ["web1", "web2"].map(|name| host.ve(name).template(Template::DebianWeb).start());
    let [own4, own6] = addresses(&ves[0]);
    until("nginx serves", || {
        ves.iter().all(|ve| serves(&addresses(ve)[0]))
    });
    let before = Cmd::program("nft", ["list", "ruleset"]).run().ok().stdout;
    ves[0]
        .sh("nft 'table inet own { chain in { type filter hook input priority 0; tcp dport 80 reject; }; }'")
        .ok();
    assert!(!serves(&own4) && !serves(&own6));
    assert!(serves(&addresses(&ves[1])[0]), "not the other's");
    ves[0].sh("nft flush ruleset").ok();
    assert!(serves(&own4) && serves(&own6));
    for tool in ["iptables", "iptables-legacy"] {
        let rule = format!("{tool} -A INPUT -p tcp --dport 80 -j REJECT");
        // The kernel may be without what the older one needs.
        if ves[0].sh(&rule).status != 0 && tool == "iptables-legacy" {
            continue;
        }
        assert!(!serves(&own4) && serves(&own6), "{tool}");
        ves[0].sh(&format!("{tool} -F")).ok();
        assert!(serves(&own4), "{tool}");
    }
    let after = Cmd::program("nft", ["list", "ruleset"]).run().ok().stdout;
    assert_eq!(after, before, "nothing of it is the host's");
}
