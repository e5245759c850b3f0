//! What root inside may mount, and which mounts are not its own.

use std::fs;

use veld_tests::{Ve, host};

/// Mounts that are there before PID 1 and that nobody inside may take away.
const GIVEN: [&str; 4] = ["/dev", "/run", "/dev/pts", "/dev/shm"];

#[test]
fn root_inside_mounts_and_unmounts_what_is_its_own() {
    let host = host!();
    let ve = host.ve("web1").start();
    ve.sh("mkdir /var/t /var/from /var/to; echo mine >/var/from/file")
        .done();
    assert_eq!(ve.probe(["mount", "tmpfs", "/var/t"]).line(), "ok");
    assert_eq!(ve.probe(["remount", "/var/t"]).line(), "ok");
    assert_eq!(ve.probe(["bind", "/var/from", "/var/to"]).line(), "ok");
    assert_eq!(ve.exec(["cat", "/var/to/file"]).ok().line(), "mine");
    ve.exec(["umount", "/var/t"]).done();
    ve.exec(["umount", "/var/to"]).done();
    assert_eq!(ve.exec(["ls", "/var/to"]).ok().line(), "");
}

#[test]
fn the_mounts_of_the_host_stay_as_they_are() {
    let host = host!();
    let ve = host.ve("web1").start();
    ve.bring_probe();
    let before = mounts(&ve);
    for directory in GIVEN {
        for words in [vec!["umount", directory], vec!["umount", "-l", directory]] {
            let refused = ve.exec(&words);
            assert_ne!(refused.status, 0, "{words:?}");
        }
        // It asks for a mount without nosuid and nodev.
        assert_eq!(
            ve.probe(["remount", directory]).line(),
            "EPERM",
            "{directory}"
        );
    }
    assert_eq!(mounts(&ve), before);
    for directory in GIVEN {
        let line = before.lines().find(|line| point(line) == directory);
        let line = line.unwrap_or_else(|| panic!("no {directory} in {before}"));
        assert!(line.contains("nosuid"), "{line}");
    }
}

#[test]
fn a_device_that_is_made_inside_does_not_open() {
    let host = host!();
    let ve = host.ve("web1").start();
    // The same numbers are there from the host, and open.
    ve.sh("head -c 1 /dev/zero >/dev/null").done();
    ve.bring_probe();
    ve.sh("mkdir /var/own; mount -t tmpfs tmpfs /var/own")
        .done();
    for directory in ["/dev", "/dev/shm", "/run", "/tmp", "/var", "/var/own"] {
        // The first disk, and the machine's memory and zeros.
        let disk = ve.probe(["mknod", &format!("{directory}/made"), "8", "0"]);
        assert_ne!(disk.line(), "ok", "{directory}");
        for minor in ["1", "5"] {
            let script = format!(
                "rm -f {directory}/made; mknod {directory}/made c 1 {minor}; head -c 1 {directory}/made"
            );
            let read = ve.sh(&script);
            assert_ne!(read.status, 0, "{directory}: 1, {minor}");
            assert_eq!(read.stdout, "", "{directory}: 1, {minor}");
        }
    }
}

#[test]
fn nothing_inside_tells_where_the_ve_is_on_the_host() {
    let host = host!();
    let ve = host.ve("web1").start();
    let seen = [
        mounts(&ve),
        ve.exec(["cat", "/proc/mounts", "/proc/self/mountstats"])
            .ok()
            .stdout,
    ];
    let cache = host.directory().parent().unwrap().parent().unwrap();
    let shown = ve.show();
    let secrets = [
        host.directory().display().to_string(),
        host.data().display().to_string(),
        cache.display().to_string(),
        shown["template"].as_str().unwrap().to_owned(),
        host.cgroup_parent().to_owned(),
    ];
    for text in &seen {
        assert!(text.contains(" / "), "{text}");
        for secret in &secrets {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
    for process in ["self", "1"] {
        let groups = ve.exec(["cat", &format!("/proc/{process}/cgroup")]).ok();
        assert!(groups.lines().count() > 0);
        for line in groups.lines() {
            assert_eq!(line.splitn(3, ':').nth(2), Some("/"), "{process}: {line}");
        }
    }
    // From outside the same process is in a group.
    let outside = fs::read_to_string(format!("/proc/{}/cgroup", ve.init_pid())).unwrap();
    assert!(outside.contains(host.cgroup_parent()), "{outside}");
}

fn mounts(ve: &Ve<'_>) -> String {
    ve.exec(["cat", "/proc/self/mountinfo"]).ok().stdout
}

/// Where a mount is, the fifth field of proc_pid_mountinfo(5).
fn point(line: &str) -> &str {
    line.split(' ').nth(4).unwrap()
}
