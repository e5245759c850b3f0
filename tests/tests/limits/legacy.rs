//! A VE that finds v1's hierarchy of systemd instead of a v2 tree.

use veld_tests::{Host, Template, host, needs};

/// Why a VE cannot have the hierarchy on this host, if it cannot.
fn lacking() -> Option<&'static str> {
    let table = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    let found = table.lines().any(|line| line.contains("name=systemd"));
    (!found).then_some("no v1 hierarchy of the name systemd is mounted")
}

/// The script of a first process that boots by nothing but v1's hierarchy.
const LOOK: &str = "\
    for f in /sys/fs/cgroup/*; do echo \"found $f\"; done; \
    mkdir -p /sys/fs/cgroup/systemd/mine && echo $$ >/sys/fs/cgroup/systemd/mine/cgroup.procs; \
    grep name=systemd /proc/self/cgroup; \
    grep -c cgroup2 /proc/self/mounts; \
    ls -d /sys/fs/cgroup/systemd/../../*/veld* /sys/fs/cgroup/systemd/*/web1 2>/dev/null";

#[test]
fn it_finds_one_hierarchy_that_is_its_own() {
    needs!(lacking());
    let host = host!();
    let ve = host.ve("web1").with(["--cgroup", "legacy"]).start();
    let seen = ve.sh(LOOK).stdout;
    let lines: Vec<&str> = seen.lines().collect();
    assert_eq!(lines[0], "found /sys/fs/cgroup/systemd", "{seen}");
    assert!(lines[1].ends_with("name=systemd:/mine"), "{seen}");
    assert_eq!(lines[2..], ["0"], "{seen}");
    // What it made goes with it.
    ve.stop();
    assert_eq!(ve.group().present(), Vec::<&std::path::Path>::new());
    host.nothing_remains();
}

#[test]
fn systemd_of_old_sorts_its_services_there() {
    needs!(lacking());
    let host = host!(Template::DebianBullseye);
    let ve = host.ve("deb").template(Template::DebianBullseye);
    let ve = ve.with(["--cgroup", "legacy"]).start();
    let state = ve.exec(["systemctl", "is-system-running", "--wait"]);
    assert_eq!(state.line(), "running");
    let group = ve.sh("systemctl show -p ControlGroup --value systemd-journald; \
                       ls -d /sys/fs/cgroup/systemd/system.slice/systemd-journald.service");
    let group = group.ok().stdout;
    assert_eq!(
        group.lines().collect::<Vec<_>>(),
        [
            "/system.slice/systemd-journald.service",
            "/sys/fs/cgroup/systemd/system.slice/systemd-journald.service"
        ]
    );
    ve.stop();
    host.nothing_remains();
}

#[test]
fn limits_hold_it_all_the_same() {
    needs!(lacking());
    let host = host!();
    let ve = host
        .ve("web1")
        .with(["--cgroup", "legacy", "--processes", "20"]);
    let ve = ve.start();
    let limit = || ve.group().knob(&["pids.max"]);
    // It may mount what controllers there are, and finds its own group there.
    let script = "mkdir /tmp/p; mount -t cgroup -o pids p /tmp/p && cat /tmp/p/pids.max; \
                  echo max >/tmp/p/pids.max; mkdir /tmp/p/below; true";
    let said = ve.sh(script);
    assert!(said.stderr.contains("denied"), "{}", said.stderr);
    assert_eq!(limit().as_deref(), Some("20"));
}

#[test]
fn the_config_says_which_and_nothing_else() {
    let host = host!();
    let refused = host.veld(["create", "a", "--template", "x", "--cgroup", "v1"]);
    let line = "veld: create: --cgroup: \"v1\" is not a kind of cgroup tree: \
                allowed is unified or legacy";
    assert_eq!(refused.stderr.trim_end(), line);
    assert_eq!(tree_of(&host, "legacy"), "v1, the hierarchy of systemd");
    assert_eq!(tree_of(&host, "unified"), "v2");
}

fn tree_of(host: &Host, word: &str) -> String {
    let ve = host.ve(word).with(["--cgroup", word]).create();
    let plan = ve.veld("start", ["--dry-run"]).ok().stdout;
    let line = plan.lines().find_map(|line| line.strip_prefix("cgroup "));
    line.unwrap().trim().to_owned()
}
