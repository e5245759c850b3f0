//! A VE on a bridge that sends under names that are not its own.

use veld_tests::{Cmd, Ve, host};

use crate::modes::make_bridge;
use crate::reaches;

#[test]
fn a_ve_on_a_bridge_has_the_addresses_that_it_was_given() {
    let host = host!();
    if !Cmd::is_there("nft") {
        return;
    }
    let _bridge = make_bridge("br0", "10.9.0.1/24");
    let on_bridge = |name, address| {
        let options = ["--network", "bridge", "--link", "br0", "--ip", address];
        host.ve(name).with(options).start()
    };
    let liar = on_bridge("a", "10.9.0.2/24");
    let other = on_bridge("b", "10.9.0.3/24");
    let flush = "ip -4 address flush dev eth0; ip address add";
    let lies = [
        [
            format!("{flush} 10.9.0.77/24 dev eth0"),
            format!("{flush} 10.9.0.2/24 dev eth0"),
        ],
        [
            "ip link set eth0 address 02:00:00:00:00:66".to_owned(),
            "ip link set eth0 address 02:45:00:00:00:65".to_owned(),
        ],
    ];
    assert!(reaches(&liar, "10.9.0.1") && reaches(&liar, "10.9.0.3"));
    for [lie, truth] in &lies {
        liar.sh(lie).done();
        other.sh("ip neigh flush dev eth0").done();
        assert!(
            !reaches(&liar, "10.9.0.1") && !reaches(&liar, "10.9.0.3"),
            "{lie}"
        );
        let seen = other.exec(["ip", "neigh"]).ok().stdout;
        assert!(
            !seen.contains("10.9.0.77") && !seen.contains("00:66"),
            "{seen}"
        );
        liar.sh(truth).done();
        assert!(settles(&liar), "{truth}");
    }
    // The same with nobody to look.
    Cmd::program("nft", ["delete", "table", "bridge", "veld"])
        .run()
        .ok();
    for [lie, truth] in &lies {
        liar.sh(lie).done();
        assert!(settles(&liar), "{lie}");
        liar.sh(truth).done();
    }
    // And after the table has been made again.
    host.veld(["net", "repair"]).ok();
    liar.sh(&lies[0][0]).done();
    assert!(!reaches(&liar, "10.9.0.3"));
    assert!(reaches(&other, "10.9.0.1"));
}

/// The bridge has its MAC address for good, a neighbour what it heard last.
fn settles(ve: &Ve<'_>) -> bool {
    (0..5).any(|_| reaches(ve, "10.9.0.1"))
}
