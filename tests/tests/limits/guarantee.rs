//! Memory that is guaranteed: held by the kernel, and never more than there is.

use veld_tests::{Host, host, needs_v1, needs_v2};

const MIB: u64 = 1 << 20;

fn total() -> u64 {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib: u64 = line
        .unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap();
    kib * 1024
}

/// So many per cent of the memory, as `veld.toml` says it.
fn overcommit(host: &Host, percent: u64) {
    host.configure(&format!("[memory]\novercommit = \"{percent}%\"\n"));
}

fn promised(host: &Host) -> Option<String> {
    host.group().knob(&["memory.min"])
}

#[test]
fn v1_guarantees_nothing_and_says_why() {
    needs_v1!();
    let host = host!();
    let ve = host.ve("web1").start();
    let refused = ve.veld("set", ["ram-guarantee=16M"]);
    assert_eq!(refused.status, 1);
    assert_eq!(
        refused.stderr.trim_end(),
        "veld: web1: cannot set: cannot limit guaranteed memory to 16M: \
         cgroup v1 has nothing like memory.min: it reclaims from every group alike"
    );
    assert_eq!(
        ve.show()["settings"]["ram-guarantee"],
        serde_json::json!(null)
    );
}

#[test]
fn the_group_of_all_holds_the_sum() {
    needs_v2!();
    let host = host!();
    let one = host.ve("one").with(["--ram-guarantee", "16M"]).start();
    let two = host.ve("two").with(["--ram-low", "8M"]).start();
    assert_eq!(promised(&host), Some((16 * MIB).to_string()));
    two.veld("set", ["ram-guarantee=4M"]).done();
    assert_eq!(promised(&host), Some((20 * MIB).to_string()));
    assert_eq!(one.show()["kernel"]["memory_min_bytes"], 16 * MIB);
    assert_eq!(two.show()["kernel"]["memory_low_bytes"], 8 * MIB);
    one.stop();
    assert_eq!(promised(&host), Some((4 * MIB).to_string()));
    two.veld("set", ["ram-guarantee="]).done();
    assert_eq!(promised(&host).as_deref(), Some("0"));
}

#[test]
fn a_start_over_what_there_is_is_refused_with_the_sum() {
    needs_v2!();
    let host = host!();
    // Two of three fit.
    overcommit(&host, 10);
    let part = total() / 25 / MIB;
    let option = format!("{part}M");
    let words = ["--ram-guarantee", option.as_str()];
    let _one = host.ve("one").with(words).start();
    let two = host.ve("two").with(words).start();
    let three = host.ve("three").with(words).create();
    let refused = three.veld("start", [""; 0]);
    assert_eq!(refused.status, 1);
    let line = refused.stderr.trim_end();
    let arithmetic = format!(
        "veld: three: cannot start: cannot guarantee {part}M: others that run have {}M, together {}M, and ",
        2 * part,
        3 * part
    );
    assert!(line.starts_with(&arithmetic), "{line}");
    assert!(
        line.contains("may be guaranteed, which is 10% of the host's "),
        "{line}"
    );
    assert_eq!(three.show()["status"], "stopped");
    assert_eq!(three.group().present(), Vec::<&std::path::Path>::new());
    let shown = host.veld(["host", "--json"]).ok().stdout;
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["memory_guaranteed_bytes"], 2 * part * MIB);
    assert_eq!(shown["memory_overcommit_percent"], 10);
    // What one gives back another may have; and more is refused to one that runs.
    two.stop();
    three.veld("start", ["--wait"]).done();
    let more = three.veld("set", [format!("ram-guarantee={}M", 2 * part)]);
    assert_eq!(more.status, 1);
    assert!(more.stderr.contains("cannot guarantee"), "{}", more.stderr);
    assert_eq!(three.show()["kernel"]["memory_min_bytes"], part * MIB);
    overcommit(&host, 100);
    three
        .veld("set", [format!("ram-guarantee={}M", 2 * part)])
        .done();
}
