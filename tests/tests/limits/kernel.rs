//! Limits as they are set, as the kernel has them, and as `show` tells them.

use serde_json::json;
use veld_tests::host;

const ALL: [&str; 12] = [
    "--ram",
    "64M",
    "--swap",
    "32M",
    "--cpus",
    "1",
    "--cpuunits",
    "2000",
    "--cpulimit",
    "50%",
    "--processes",
    "100",
];

#[test]
fn every_limit_is_in_the_kernels_files() {
    let host = host!();
    let ve = host.ve("web1").with(ALL).start();
    let group = ve.group();
    let knob = |names: &[&str]| group.knob(names).unwrap_or_else(|| panic!("no {names:?}"));
    assert_eq!(
        knob(&["memory.limit_in_bytes", "memory.max"]),
        (64 << 20).to_string()
    );
    let memory_and_swap = group.knob(&["memory.memsw.limit_in_bytes"]);
    match memory_and_swap {
        Some(both) => assert_eq!(both, (96 << 20).to_string()),
        None => assert_eq!(knob(&["memory.swap.max"]), (32 << 20).to_string()),
    }
    assert_eq!(knob(&["pids.max"]), "100");
    assert_eq!(knob(&["cpuset.cpus"]).split([',', '-']).count(), 1);
    match group.knob(&["cpu.cfs_quota_us"]) {
        Some(quota) => {
            let period: u64 = knob(&["cpu.cfs_period_us"]).parse().unwrap();
            assert_eq!(quota.parse::<u64>().unwrap() * 2, period);
        }
        None => assert_eq!(knob(&["cpu.max"]), "50000 100000"),
    }
}

#[test]
fn show_tells_what_is_set_and_what_the_kernel_holds() {
    let host = host!();
    let ve = host.ve("web1").with(ALL).create();
    let limits = json!({
        "ram_bytes": 64 << 20, "swap_bytes": 32 << 20, "cpus": 1, "cpuunits": 2000,
        "cpulimit_percent": 50, "processes": 100,
    });
    assert_eq!(ve.show()["limits"], limits);
    assert_eq!(ve.show()["kernel"], json!(null));
    ve.start();
    let shown = ve.show();
    assert_eq!(shown["limits"], limits);
    let kernel = &shown["kernel"];
    for (key, value) in [
        ("memory_limit_bytes", 64 << 20),
        ("swap_limit_bytes", 32 << 20),
        ("cpu_units", 2000),
        ("cpu_quota_percent", 50),
        ("processes_limit", 100),
    ] {
        assert_eq!(kernel[key], json!(value), "{key}");
    }
    // All that the machine has is no limit.
    let limited = std::thread::available_parallelism().unwrap().get() > 1;
    assert_eq!(kernel["cpus"], if limited { json!(1) } else { json!(null) });
    assert!(kernel["memory_used_bytes"].as_u64().unwrap() > 0);
    assert!(kernel["processes"].as_u64().unwrap() >= 3);
}

#[test]
fn show_tells_people_both_sides_of_each_limit() {
    let host = host!();
    let ve = host.ve("web1").with(ALL).start();
    let shown = ve.veld("show", [""; 0]).ok().stdout;
    let limited = std::thread::available_parallelism().unwrap().get() > 1;
    let cpus = if limited { "1" } else { "not limited" };
    for line in [
        "swap         32M, in the kernel 32M, in use 0",
        &format!("cpus         1, in the kernel {cpus}"),
        "cpuunits     2000, in the kernel 2000",
        "cpulimit     50%, in the kernel 50%",
    ] {
        assert!(
            shown.lines().any(|other| other == line),
            "no {line:?} in {shown}"
        );
    }
    assert!(
        shown.contains("ram          64M, in the kernel 64M, in use "),
        "{shown}"
    );
    assert!(
        shown.contains("processes    100, in the kernel 100, in use "),
        "{shown}"
    );
}

#[test]
fn limits_are_there_again_after_a_reboot() {
    let host = host!();
    let ve = host.ve("web1").with(["--ram", "64M"]).start();
    let init = ve.init_pid();
    let _ = ve.exec(["reboot"]);
    veld_tests::until("another PID 1 is up", || {
        let shown = ve.show();
        shown["status"] == "up" && shown["init_pid"] != init
    });
    let limit = ve.group().knob(&["memory.limit_in_bytes", "memory.max"]);
    assert_eq!(limit, Some((64 << 20).to_string()));
}

#[test]
fn a_ve_cannot_raise_its_own_limits() {
    let host = host!();
    let ve = host
        .ve("web1")
        .with(["--ram", "64M", "--processes", "100"])
        .start();
    let before =
        ["memory.limit_in_bytes", "memory.max", "pids.max"].map(|name| ve.group().knob(&[name]));
    let script = "for f in $(find /sys/fs/cgroup -name 'memory.max' -o -name 'pids.max' -o -name '*limit_in_bytes'); \
                  do echo max >$f; done 2>/dev/null; \
                  mkdir /tmp/m; mount -t cgroup -o memory m /tmp/m 2>/dev/null; mount -t cgroup -o pids m /tmp/m 2>/dev/null; true";
    ve.sh(script).ok();
    let after =
        ["memory.limit_in_bytes", "memory.max", "pids.max"].map(|name| ve.group().knob(&[name]));
    assert_eq!(before, after);
}
