//! A host whose cgroup tree is systemd's: VEs are below a unit that it has handed over.

use std::fs;
use std::path::{Path, PathBuf};

use veld_tests::{Host, host, lacks_v1, lacks_v2, needs};

/// Why this is no such host, if it is none. `cargo xtask vm test` has one.
fn lacking() -> Option<String> {
    let booted = Path::new("/run/systemd/system").is_dir();
    let not_booted = (!booted).then(|| "PID 1 is not systemd".to_owned());
    let mixed = lacks_v1()
        .is_none()
        .then(|| "a part of cgroups is v1".to_owned());
    not_booted.or(mixed).or_else(lacks_v2)
}

const UNIT: &str = "veld-ves.service";

fn group(name: &str) -> PathBuf {
    Path::new("/sys/fs/cgroup").join(UNIT).join(name)
}

/// The config of the host without a parent of its own.
fn choose_no_parent(host: &Host) {
    let text = fs::read_to_string(host.config()).unwrap();
    let text = text.replace("[cgroup]\n", "");
    let kept = text.lines().filter(|line| !line.starts_with("parent ="));
    fs::write(host.config(), kept.collect::<Vec<_>>().join("\n")).unwrap();
}

fn systemctl(host: &Host, words: &[&str]) -> String {
    let said = host.tool(Path::new("systemctl"), words.iter().copied());
    said.run().ok().stdout.trim_end().to_owned()
}

#[test]
fn ves_are_below_a_unit_that_systemd_has_handed_over() {
    needs!(lacking());
    let host = host!();
    choose_no_parent(&host);
    let options = ["--network", "none", "--ram", "64M", "--processes", "50"];
    let ve = host.ve("web1").with(options).start();
    let show = |property: &str| systemctl(&host, &["show", "-P", property, UNIT]);
    assert_eq!(show("ActiveState"), "active");
    assert_eq!(show("Delegate"), "yes");
    assert_eq!(show("ControlGroup"), format!("/{UNIT}"));
    assert_eq!(show("TasksMax"), "infinity");
    let processes = |part: &str| {
        let text = fs::read_to_string(group("web1").join(part).join("cgroup.procs")).unwrap();
        let numbers = text.lines().map(|line| line.parse().unwrap());
        numbers.collect::<Vec<i32>>()
    };
    // All of the VE is there, and nothing is in the session of who started it.
    assert!(processes("ve").contains(&ve.init_pid()));
    veld_tests::until("the shim is there too", || {
        processes("shim") == [ve.shim_pid()]
    });
    let limit = fs::read_to_string(group("web1").join("memory.max")).unwrap();
    assert_eq!(limit.trim_end(), (64_u64 << 20).to_string());
    // systemd goes over its tree, and leaves this part alone.
    systemctl(&host, &["daemon-reload"]);
    ve.veld("set", ["cpulimit=30%", "ram-guarantee=8M"]).done();
    let quota = fs::read_to_string(group("web1").join("cpu.max")).unwrap();
    assert_eq!(quota.trim_end(), "30000 100000");
    assert_eq!(ve.sh("echo inside").ok().line(), "inside");

    let other = host.ve("web2").with(["--network", "none"]).start();
    other.stop();
    ve.stop();
    for name in ["web1", "web2"] {
        assert!(!group(name).exists(), "{name}");
    }
    // The unit is not ours to take away, and holds what is promised no more.
    assert_eq!(show("ActiveState"), "active");
    let promised = fs::read_to_string(group("memory.min")).unwrap();
    assert_eq!(promised.trim_end(), "0");
}
