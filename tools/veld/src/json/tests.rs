//! The schemas, whole: a key that is renamed, lost or moved breaks somebody's
//! program.

use serde::Serialize;

use super::*;
use crate::samples::{detail, stopped, up};

fn text(value: &impl Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap()
}

#[test]
fn a_ve_of_which_everything_is_known() {
    let expected = r#"{
  "name": "web1",
  "id": 101,
  "status": "up",
  "status_since_unix_seconds": 1700000002.25,
  "failed_services": [],
  "watched": true,
  "init_pid": 4000,
  "shim_pid": 3999,
  "started_unix_seconds": 1700000000.25,
  "ready_unix_seconds": 1700000002.25,
  "init_status": "Startup finished",
  "init": {
    "kind": "systemd",
    "is_pid_1": true,
    "stop_signal": 38
  },
  "last_end": {
    "text": "its PID 1 was killed by signal 9",
    "at_unix_seconds": 1700000009.25
  },
  "start_error": "cannot mount",
  "template": "debian",
  "hostname": "web1",
  "uuid": "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
  "onboot": true,
  "snapshots": 0,
  "disk_used_bytes": 1073741824,
  "disk_limit_bytes": 10737418240,
  "inodes_used": 2000,
  "inodes_limit": null,
  "bootorder": 0,
  "restart": "no",
  "restart_due_unix_seconds": null,
  "restarts_in_a_row": 0,
  "addresses": [
    "10.117.0.101"
  ],
  "config_error": null
}"#;
    let mut ve = up("web1", 101);
    ve.disk.disk = Some(1 << 30);
    ve.disk.disk_limit = Some(10 << 30);
    ve.disk.inodes = Some(2000);
    assert_eq!(text(&Ve::new(&ve)), expected);
}

#[test]
fn a_ve_of_which_nothing_can_be_read() {
    let mut ve = stopped("web1", 101);
    ve.id = None;
    ve.config = Err("FILE:1: bad".to_owned());
    let expected = r#"{
  "name": "web1",
  "id": null,
  "status": "stopped",
  "status_since_unix_seconds": null,
  "failed_services": [],
  "watched": true,
  "init_pid": null,
  "shim_pid": null,
  "started_unix_seconds": null,
  "ready_unix_seconds": null,
  "init_status": null,
  "init": null,
  "last_end": null,
  "start_error": null,
  "template": null,
  "hostname": null,
  "uuid": null,
  "onboot": null,
  "snapshots": 0,
  "disk_used_bytes": null,
  "disk_limit_bytes": null,
  "inodes_used": null,
  "inodes_limit": null,
  "bootorder": null,
  "restart": null,
  "restart_due_unix_seconds": null,
  "restarts_in_a_row": 0,
  "addresses": [],
  "config_error": "FILE:1: bad"
}"#;
    assert_eq!(text(&Ve::new(&ve)), expected);
}

/// The part of `show` behind the keys of `list`.
fn shown(detail: &Detail) -> String {
    let all = text(&Shown::new(detail));
    let common = text(&Ve::new(&detail.summary));
    let common = common.trim_end_matches("\n}");
    all.strip_prefix(common).unwrap().to_owned()
}

const OF_ONE_THAT_RUNS: &str = r#",
  "health_unknown": null,
  "first_host_id": 65536,
  "directory": "/var/lib/veld/ve/web1",
  "limits": {
    "ram_bytes": 536870912,
    "swap_bytes": null,
    "cpus": null,
    "cpuunits": null,
    "cpulimit_percent": null,
    "processes": null
  },
  "settings": {
    "bootorder": "0",
    "cgroup": "unified",
    "device": "/dev/kvm:rw",
    "dns": "",
    "getty": "false",
    "hostname": "web1",
    "init": "auto",
    "ip": "10.117.0.101",
    "network": "routed",
    "onboot": "true",
    "ram": "512M",
    "restart": "no"
  },
  "settings_of_this_run": {},
  "devices": [
    "/dev/kvm:rw"
  ],
  "mounts": [],
  "kernel": {
    "memory_limit_bytes": 536870912,
    "memory_used_bytes": 208236544,
    "memory_cache_bytes": null,
    "memory_min_bytes": null,
    "memory_low_bytes": null,
    "memory_high_bytes": null,
    "swap_limit_bytes": 0,
    "swap_used_bytes": null,
    "swap_high_bytes": null,
    "cpus": 2,
    "cpu_numbers": null,
    "cpu_units": 1000,
    "cpu_quota_percent": 150,
    "processes_limit": 500,
    "processes": 12,
    "io_weight": null,
    "io_limit_bytes_per_second": null,
    "io_limit_operations_per_second": null,
    "huge_pages_limit_bytes": null,
    "oom_score_adj": null,
    "tables": {}
  },
  "refusals": [
    {
      "limit": "processes",
      "limit_bytes": null,
      "limit_processes": 500,
      "times": 12,
      "last_unix_seconds": 1700000003.25,
      "text": "fork: 500 processes reached 12 times, last 2023-11-14 22:13:23 UTC"
    }
  ],
  "links": [
    {
      "name": "eth0",
      "up": true,
      "addresses": [
        "10.117.0.101/32"
      ]
    }
  ],
  "traffic": null
}"#;

#[test]
fn all_about_a_ve_that_runs() {
    assert_eq!(shown(&detail(up("web1", 101))), OF_ONE_THAT_RUNS);
}

const OF_ONE_THAT_DOES_NOT: &str = r#",
  "health_unknown": null,
  "first_host_id": 65536,
  "directory": "/var/lib/veld/ve/web1",
  "limits": {
    "ram_bytes": null,
    "swap_bytes": null,
    "cpus": null,
    "cpuunits": null,
    "cpulimit_percent": null,
    "processes": null
  },
  "settings": {
    "bootorder": "0",
    "cgroup": "unified",
    "device": "",
    "dns": "",
    "getty": "false",
    "hostname": "web1",
    "init": "auto",
    "ip": "",
    "network": "routed",
    "onboot": "false",
    "restart": "no"
  },
  "settings_of_this_run": {},
  "devices": [],
  "mounts": [],
  "kernel": null,
  "refusals": [],
  "links": [],
  "traffic": null
}"#;

#[test]
fn all_about_a_ve_that_does_not_run() {
    assert_eq!(shown(&detail(stopped("web1", 101))), OF_ONE_THAT_DOES_NOT);
}
