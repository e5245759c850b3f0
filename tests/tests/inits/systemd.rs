//! systemd of every release that Debian has: all of its units come up, and the
//! commands that ask it are answered.

use std::time::{Duration, Instant};

use veld_tests::{Template, Ve, host, until};

use crate::packages::install;

/// Packages whose units speak to the kernel more than others.
const CLOSE_TO_THE_KERNEL: [&str; 9] = [
    "auditd",
    "chrony",
    "nfs-kernel-server",
    "rng-tools5",
    "systemd-oomd",
    "systemd-resolved",
    "udev",
    "unattended-upgrades",
    "usbguard",
];

fn comes_up_whole(template: Template, releases: std::ops::RangeInclusive<u32>) {
    let host = host!(template);
    let ve = host.ve("deb").template(template).start();
    all_units_are_well(&ve);
    let version = ve.exec(["systemctl", "--version"]).ok();
    let release = version.line().split_whitespace().nth(1).unwrap();
    assert!(releases.contains(&release.parse().unwrap()), "{release}");
    let names = ve.sh("cat /proc/[0-9]*/comm").ok().stdout;
    assert!(!names.contains("getty"), "{names}");
    ve.stop();
}

/// None has failed, none is being started, and none has been given up.
pub(crate) fn all_units_are_well(ve: &Ve<'_>) {
    let state = ve.exec(["systemctl", "is-system-running", "--wait"]);
    let failed = ve.exec(["systemctl", "--failed", "--no-legend", "--plain"]);
    assert_eq!(failed.ok().line(), "");
    assert_eq!(state.line(), "running");
}

#[test]
fn debian_11_comes_up_whole() {
    comes_up_whole(Template::DebianBullseye, 247..=247);
}

#[test]
fn debian_12_comes_up_whole() {
    comes_up_whole(Template::Debian, 252..=252);
}

#[test]
fn debian_13_comes_up_whole() {
    comes_up_whole(Template::DebianTrixie, 257..=257);
}

#[test]
fn debian_of_tomorrow_comes_up_whole() {
    comes_up_whole(Template::DebianSid, 258..=u32::MAX);
}

#[test]
fn a_shutdown_does_not_wait_for_those_who_are_visiting() {
    let host = host!(Template::Debian);
    let ve = host.ve("deb").template(Template::Debian).start();
    let _visitor = ve.exec_cmd([""; 0], ["sleep", "1000"]).spawn();
    until("somebody is in", || ve.exec(["pidof", "sleep"]).status == 0);
    let begun = Instant::now();
    ve.stop();
    // systemd gives ten seconds to a process that it does not see end.
    assert!(
        begun.elapsed() < Duration::from_secs(8),
        "{:?}",
        begun.elapsed()
    );
}

#[test]
fn the_jobs_of_timers_end_well() {
    let host = host!(Template::Debian);
    let ve = host.ve("deb").template(Template::Debian).start();
    for job in [
        "dpkg-db-backup",
        "e2scrub_all",
        "e2scrub_reap",
        "fstrim",
        "logrotate",
        "systemd-tmpfiles-clean",
    ] {
        ve.exec(["systemctl", "start", &format!("{job}.service")])
            .done();
    }
    all_units_are_well(&ve);
}

#[test]
fn services_that_only_a_host_can_have_do_not_fail() {
    let host = host!(Template::DebianTrixie);
    let ve = host.ve("deb").template(Template::DebianTrixie).start();
    {
        let _mirror = host.mirror(&ve);
        install(&ve, &CLOSE_TO_THE_KERNEL);
    }
    all_units_are_well(&ve);
    ve.stop();
    ve.start();
    all_units_are_well(&ve);
}

#[test]
fn the_commands_of_systemd_are_answered() {
    let host = host!(Template::DebianTrixie);
    let ve = host.ve("deb").template(Template::DebianTrixie).start();
    let says = |words: &[&str], text: &str| {
        let said = ve.exec(words).ok().stdout;
        assert!(said.contains(text), "{words:?}: {said}");
    };
    let inside = ["systemd-run", "--quiet", "--wait", "--pipe"];
    says(&[&inside[..], &["id", "-un"]].concat(), "root");
    let walls = [
        "PrivateDevices=yes",
        "PrivateNetwork=yes",
        "PrivateTmp=yes",
        "PrivateUsers=yes",
        "ProtectControlGroups=yes",
        "ProtectKernelTunables=yes",
        "ProtectSystem=strict",
        "DynamicUser=yes",
        "MemoryMax=64M",
    ];
    let walls = walls.iter().flat_map(|wall| ["-p", wall]);
    let walled: Vec<&str> = inside.into_iter().chain(walls).collect();
    says(&[&walled[..], &["cat", "/proc/loadavg"]].concat(), "/");
    says(&["hostnamectl", "status"], "Static hostname: deb");
    ve.exec(["hostnamectl", "set-hostname", "new"]).done();
    says(&["hostname"], "new");
    says(&["timedatectl", "status"], "Time zone: Etc/UTC");
    ve.exec(["timedatectl", "set-timezone", "Europe/Vienna"])
        .done();
    says(&["date", "+%Z"], "CE");
    says(
        &["journalctl", "--no-pager", "--boot", "--unit", "cron"],
        "Started",
    );
    says(&["loginctl", "list-sessions"], "sessions");
    says(
        &["systemctl", "list-timers", "--no-pager"],
        "logrotate.timer",
    );
    all_units_are_well(&ve);
}
