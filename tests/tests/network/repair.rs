//! After somebody flushed the rules.

use veld_tests::{Cmd, Host, host};

use crate::addresses;
use crate::lan::{Lan, UPLINK};
use crate::publish::serve;

/// The rules line by line; chains may come in any order.
fn rules() -> String {
    let rules = Cmd::program("nft", ["list", "ruleset"]).run().ok().stdout;
    sorted(&rules)
}

fn sorted(rules: &str) -> String {
    let mut lines: Vec<&str> = rules.lines().collect();
    lines.sort_unstable();
    lines.join("\n")
}

fn get(port: u16) -> i32 {
    let url = format!("http://{}:{port}/", UPLINK[0]);
    let words = ["--silent", "--fail", "--max-time", "2", &url];
    Cmd::program("curl", words).run().status
}

/// Three VEs with rules of every kind, and one without.
fn four(host: &Host) {
    host.configure("[group.blue]\nisolated = true\n");
    let options: [&[&str]; 4] = [
        &["--publish", "8081:80", "--default-out", "deny"],
        &["--publish", "8082:80", "--group", "blue"],
        &["--group", "blue", "--deny", "in tcp 80"],
        &[],
    ];
    for (name, options) in ["a", "b", "c", "d"].into_iter().zip(options) {
        serve(&host.ve(name).with(options.iter().copied()).start());
    }
}

#[test]
fn a_repair_brings_back_the_rules_of_all() {
    let host = host!();
    let _lan = Lan::new();
    four(&host);
    let before = rules();
    assert_eq!((get(8081), get(8082)), (0, 0));
    let others = "table ip other { chain c { type filter hook input priority 0; }; }";
    Cmd::program("nft", ["flush", "ruleset"]).run().ok();
    Cmd::program("nft", [others]).run().ok();
    let others = Cmd::program("nft", ["-a", "list", "table", "ip", "other"]);
    let others = others.run().ok().stdout;
    assert_ne!(get(8081), 0);
    let said = host.veld(["net", "repair"]);
    assert_eq!(
        said.ok().stdout,
        "rules put back, with ports and policies of 3 VEs\n"
    );
    assert_eq!((get(8081), get(8082)), (0, 0));
    let blocked = host
        .existing("a")
        .exec(["ping", "-c", "1", "-W", "1", UPLINK[0]]);
    assert_ne!(blocked.status, 0, "its policy is back too");
    let table = ["list", "table", "inet", "veld"];
    let after = Cmd::program("nft", table).run().ok().stdout;
    assert_eq!(sorted(&after), before);
    let after = Cmd::program("nft", ["-a", "list", "table", "ip", "other"]);
    assert_eq!(after.run().ok().stdout, others);
    let gone = ["delete", "table", "ip", "other"];
    Cmd::program("nft", gone).run().ok();
}

#[test]
fn a_repair_puts_right_what_somebody_changed() {
    let host = host!();
    let _lan = Lan::new();
    four(&host);
    let before = rules();
    for line in [
        "flush map inet veld published4",
        "flush chain inet veld forward",
        "flush chain inet veld from_guest",
        "add rule inet veld input drop",
    ] {
        Cmd::program("nft", line.split(' ')).run().ok();
    }
    host.veld(["net", "repair"]).ok();
    assert_eq!(rules(), before);
    // And where nothing is wrong nothing is.
    host.veld(["net", "repair"]).ok();
    assert_eq!(rules(), before);
    // A VE that has stopped meanwhile is none of those that are put back.
    host.existing("b").stop();
    let said = host.veld(["net", "repair"]);
    assert_eq!(
        said.ok().stdout,
        "rules put back, with ports and policies of 2 VEs\n"
    );
    assert!(get(8082) != 0 && !rules().contains("8082"), "{}", rules());
}

#[test]
fn the_next_start_brings_back_the_rules_of_all() {
    let host = host!();
    let _lan = Lan::new();
    four(&host);
    let before = rules();
    Cmd::program("nft", ["flush", "ruleset"]).run().ok();
    let last = host.ve("e").start();
    assert_eq!(rules(), before);
    // So does a change of one that runs.
    Cmd::program("nft", ["flush", "ruleset"]).run().ok();
    last.veld("set", ["publish=8085:80"]).done();
    serve(&last);
    assert_eq!((get(8081), get(8085)), (0, 0));
    let [own, _] = addresses(&last);
    assert!(rules().contains(&format!("{own} . 80")));
}
