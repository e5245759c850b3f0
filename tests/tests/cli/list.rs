//! Lists, for people and for programs.

use serde_json::{Value, json};
use veld_tests::{Host, Template, host};

#[test]
fn a_list_is_of_those_that_run_and_all_is_of_all() {
    let host = host!();
    host.ve("b").create();
    host.ve("a").start();
    assert_eq!(host.veld(["list", "-q"]).ok().stdout, "a\n");
    assert_eq!(host.veld(["list", "-aq"]).ok().stdout, "a\nb\n");
    let template = Template::Busybox.name();
    let listed = host
        .veld(["list", "-a", "-o", "name,id,status,template,onboot"])
        .ok()
        .stdout;
    let rows: Vec<Vec<&str>> = listed
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(
        rows,
        [
            vec!["NAME", "ID", "STATUS", "TEMPLATE", "ONBOOT"],
            vec!["a", "102", "up", &template, "no"],
            vec!["b", "101", "stopped", &template, "no"],
        ]
    );
}

#[test]
fn a_list_is_sorted_by_any_column_either_way() {
    let host = host!();
    for name in ["b", "c", "a"] {
        host.ve(name).create();
    }
    for (order, names) in [
        ("name", "a b c"),
        ("-name", "c b a"),
        ("id", "b c a"),
        ("-id", "a c b"),
    ] {
        let listed = host.veld(["list", "-aq", "--sort", order]).ok();
        assert_eq!(
            listed.lines().collect::<Vec<_>>().join(" "),
            names,
            "{order}"
        );
    }
}

#[test]
fn an_empty_list_is_a_header_or_nothing_or_an_empty_array() {
    let host = host!();
    assert_eq!(
        host.veld(["list", "-a"]).ok().stdout,
        "NAME  ID  STATUS  IP  TEMPLATE\n"
    );
    assert_eq!(host.veld(["list", "-aq"]).ok().stdout, "");
    assert_eq!(listed(&host), json!([]));
}

#[test]
fn the_list_for_programs_has_every_key_and_null_for_what_there_is_not() {
    let host = host!();
    let ve = host.ve("web1").create();
    let stopped = &listed(&host)[0];
    let expected = json!({
        "name": "web1", "id": 101, "status": "stopped", "watched": true, "init_pid": null,
        "shim_pid": null, "started_unix_seconds": null, "ready_unix_seconds": null,
        "init_status": null, "last_end": null, "template": Template::Busybox.name(),
        "hostname": "web1", "uuid": stopped["uuid"], "onboot": false, "bootorder": 0,
        "restart": "no", "restart_due_unix_seconds": null, "restarts_in_a_row": 0,
        "addresses": ["10.117.0.101", "fd76:656c:64::65"], "config_error": null,
        "start_error": null, "status_since_unix_seconds": null, "failed_services": [],
        "init": null, "snapshots": 0, "disk_limit_bytes": null, "disk_used_bytes": null,
        "inodes_limit": null, "inodes_used": null,
    });
    assert_eq!(*stopped, expected);
    ve.start();
    let running = &listed(&host)[0];
    assert_eq!(running["status"], "up");
    let keys = |value: &Value| {
        value
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(keys(running), keys(stopped));
    let times =
        ["started_unix_seconds", "ready_unix_seconds"].map(|key| running[key].as_f64().unwrap());
    assert!(
        times[0] <= times[1] && times[1] < times[0] + 60.0,
        "{times:?}"
    );
    ve.stop();
    let stopped = &listed(&host)[0];
    assert_eq!(stopped["last_end"]["text"], "was stopped");
    assert_eq!(stopped["start_error"], json!(null));
}

#[test]
fn what_is_given_by_hand_goes_before_what_is_chosen() {
    let host = host!();
    let own = [
        "--ip",
        "192.0.2.7",
        "--ip",
        "2001:db8::7",
        "--onboot",
        "--hostname",
        "www",
    ];
    host.ve("web1").with(own).create();
    host.ve("quiet").with(["--network", "none"]).create();
    let all = listed(&host);
    assert_eq!(all[1]["addresses"], json!(["192.0.2.7", "2001:db8::7"]));
    assert_eq!(
        (&all[1]["onboot"], &all[1]["hostname"]),
        (&json!(true), &json!("www"))
    );
    assert_eq!(all[0]["addresses"], json!([]));
}

fn listed(host: &Host) -> Value {
    serde_json::from_str(&host.veld(["list", "--all", "--json"]).ok().stdout).unwrap()
}
