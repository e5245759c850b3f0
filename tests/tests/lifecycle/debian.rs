//! An unmodified Debian: its own init, all services up, no prompt.

use veld_tests::{Template, host, until, walk};

#[test]
fn debian_comes_up_whole_and_knows_what_it_runs_in() {
    let host = host!(Template::Debian);
    let before = walk(&Template::Debian.root());
    let ve = host.ve("deb").template(Template::Debian).start();
    assert_eq!(
        ve.exec(["systemctl", "is-system-running", "--wait"]).line(),
        "running"
    );
    assert_eq!(
        ve.exec(["systemctl", "--failed", "--no-legend", "--plain"])
            .ok()
            .line(),
        ""
    );
    assert_eq!(ve.exec(["cat", "/proc/1/comm"]).ok().line(), "systemd");
    // A product that systemd has no word for is a container all the same.
    assert_eq!(
        ve.exec(["systemd-detect-virt", "--container"]).ok().line(),
        "container-other"
    );
    let names = ve.sh("cat /proc/[0-9]*/comm").ok().stdout;
    assert!(!names.contains("getty"), "{names}");
    assert_eq!(ve.exec(["hostname"]).ok().line(), "deb");
    ve.stop();
    host.nothing_remains();
    ve.destroy();
    assert_eq!(
        walk(&Template::Debian.root()),
        before,
        "the template was written"
    );
}

#[test]
fn debians_have_ids_of_their_own() {
    let host = host!(Template::Debian);
    let ves = ["a", "b"].map(|name| host.ve(name).template(Template::Debian).start());
    let ids = |path: &str| {
        let read = |ve: &veld_tests::Ve<'_>| ve.exec(["cat", path]).ok().line().to_owned();
        let mut ids: Vec<String> = ves.iter().map(read).collect();
        ids.push(
            std::fs::read_to_string(path)
                .unwrap_or_default()
                .trim_end()
                .to_owned(),
        );
        ids
    };
    for path in ["/etc/machine-id", "/proc/sys/kernel/random/boot_id"] {
        let ids = ids(path);
        assert!(ids[0].len() >= 32, "{path}: {ids:?}");
        assert!(
            ids[0] != ids[1] && ids[0] != ids[2] && ids[1] != ids[2],
            "{path}: {ids:?}"
        );
    }
}

#[test]
fn debian_reboots_and_powers_off_by_its_own_commands() {
    let host = host!(Template::Debian);
    let ve = host.ve("deb").template(Template::Debian).start();
    let (init, shim) = (ve.init_pid(), ve.shim_pid());
    ve.exec(["systemctl", "reboot"]).ok();
    until("another PID 1 is up", || {
        let shown = ve.show();
        shown["status"] == "up" && shown["init_pid"] != init
    });
    assert_eq!(ve.shim_pid(), shim);
    ve.exec(["systemctl", "poweroff"]).ok();
    ve.becomes("stopped");
    assert_eq!(ve.last_end(), "was powered off from inside");
    host.nothing_remains();
}
