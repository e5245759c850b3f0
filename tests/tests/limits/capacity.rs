//! What the host has, and what of it is given to VEs.

use serde_json::Value;
use veld_tests::{Host, host};

fn shown(host: &Host) -> Value {
    let said = host.veld(["host", "--json"]).ok().stdout;
    serde_json::from_str(&said).unwrap()
}

#[test]
fn the_host_sums_up_what_runs() {
    let host = host!();
    let before = shown(&host);
    assert_eq!(before["ves"], 0);
    assert_eq!(before["ves_running"], 0);
    assert_eq!(before["missing_controllers"], serde_json::json!([]));
    assert_eq!(before["cgroup_parent"], host.cgroup_parent());
    assert!(before["memory_available_bytes"].as_u64() < before["memory_bytes"].as_u64());
    let limited = ["--ram", "64M", "--cpulimit", "50%"];
    let _one = host.ve("one").with(limited).start();
    let _two = host.ve("two").with(limited).start();
    let _three = host.ve("three").start();
    let _four = host.ve("four").with(limited).create();
    let now = shown(&host);
    for (key, value) in [
        ("ves", 4),
        ("ves_running", 3),
        ("memory_limits_bytes", 128 << 20),
        ("ves_without_memory_limit", 1),
        ("cpu_limits_percent", 100),
        ("ves_without_cpu_limit", 1),
    ] {
        assert_eq!(now[key], value, "{key} of {now}");
    }
    assert!(now["memory_used_by_ves_bytes"].as_u64().unwrap() > 0);
    assert!(now["processes_of_ves"].as_u64().unwrap() >= 6);
    let text = host.veld(["host"]).ok().stdout;
    for line in [
        "VEs          3 run of 4",
        "limits       128M, 1 without a limit",
    ] {
        assert!(text.lines().any(|other| other == line), "{line} in {text}");
    }
}

#[test]
fn controllers_are_told_with_their_version() {
    let host = host!();
    let shown = shown(&host);
    let controllers = shown["controllers"].as_array().unwrap();
    let memory = controllers.iter().find(|it| it["name"] == "memory");
    let version = memory.unwrap()["cgroup_version"].as_u64().unwrap();
    let is_v1 = host.group().is_v1("memory");
    assert_eq!(version, if is_v1 { 1 } else { 2 });
    // Where nothing can be guaranteed the sum is not known, and not 0.
    assert_eq!(shown["memory_guaranteed_bytes"].is_null(), is_v1);
}
