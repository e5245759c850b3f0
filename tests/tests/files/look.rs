//! `veld mount`: the root of a VE at a path of the host's.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use veld_tests::{Host, Ve, host};

/// The machine's mounts that are of this host.
fn mounts(host: &Host) -> String {
    let table = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let ours = fs::canonicalize(host.directory()).unwrap();
    let lines = table
        .lines()
        .filter(|line| line.contains(ours.to_str().unwrap()));
    lines.map(|line| format!("{line}\n")).collect()
}

fn look(ve: &Ve<'_>) -> PathBuf {
    PathBuf::from(ve.veld("mount", [""; 0]).ok().line())
}

fn made(host: &Host) -> Ve<'_> {
    let ve = host.ve("web1").with(["--network", "none"]).start();
    ve.sh("echo own >/own && rm /etc/hostname && mkdir /srv && touch /srv/x && chown 33:44 /own")
        .done();
    ve
}

#[test]
fn a_stopped_ve_is_seen_as_it_is_on_disk() {
    let host = host!();
    let before = mounts(&host);
    let ve = made(&host);
    ve.stop();
    let path = look(&ve);
    assert_eq!(path, host.run().join("web1/look"));
    assert_eq!(look(&ve), path);
    let json = ve.veld("mount", ["--json"]).ok().stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["path"].as_str(), path.to_str());
    assert_eq!(fs::read_to_string(path.join("own")).unwrap(), "own\n");
    assert!(path.join("bin/busybox").exists() && path.join("srv/x").exists());
    assert!(!path.join("etc/hostname").exists());
    let owner = fs::metadata(path.join("own")).unwrap();
    assert_eq!((owner.uid(), owner.gid()), (33, 44));
    let refused = fs::write(path.join("new"), "").unwrap_err();
    assert_eq!(refused.raw_os_error(), Some(30));
    let table = mounts(&host);
    let line = table
        .lines()
        .find(|line| line.contains("web1/look"))
        .unwrap();
    assert!(line.contains("ro,nosuid,nodev,noexec"), "{line}");
    ve.veld("umount", [""; 0]).done();
    assert_eq!(mounts(&host), before);
    let refused = ve.veld("umount", [""; 0]);
    assert_eq!(refused.stderr, "veld: web1: is not mounted\n");
    assert_eq!(refused.status, 1);
}

#[test]
fn a_running_ve_is_seen_while_it_runs() {
    let host = host!();
    let before = mounts(&host);
    let ve = made(&host);
    ve.sh("mkdir /mine && mount -t tmpfs own /mine && touch /mine/x; mount --make-rshared /")
        .done();
    let inside = ve.exec(["cat", "/proc/self/mountinfo"]).ok().stdout;
    let path = look(&ve);
    assert_eq!(fs::read_to_string(path.join("own")).unwrap(), "own\n");
    ve.sh("echo later >/later").done();
    assert_eq!(fs::read_to_string(path.join("later")).unwrap(), "later\n");
    assert_eq!(fs::read_dir(path.join("mine")).unwrap().count(), 0);
    assert_eq!(fs::read_dir(path.join("proc")).unwrap().count(), 0);
    let refused = fs::write(path.join("new"), "").unwrap_err();
    assert_eq!(refused.raw_os_error(), Some(30));
    for line in mounts(&host)
        .lines()
        .filter(|line| line.contains("web1/look"))
    {
        assert!(line.contains("ro,nosuid,nodev,noexec"), "{line}");
        assert!(
            !line.contains("shared:") && !line.contains("master:"),
            "{line}"
        );
    }
    let first = ve.show()["first_host_id"].as_u64().unwrap();
    let owner = fs::metadata(path.join("own")).unwrap();
    assert_eq!(u64::from(owner.uid()), first + 33);
    assert_eq!(ve.exec(["cat", "/proc/self/mountinfo"]).ok().stdout, inside);
    ve.veld("umount", [""; 0]).done();
    assert_eq!(mounts(&host), before);
    // And by itself when the VE ends.
    look(&ve);
    ve.stop();
    assert_eq!(mounts(&host), before);
    host.nothing_remains();
}

#[test]
fn it_goes_with_a_start_and_a_destroy() {
    let host = host!();
    let before = mounts(&host);
    let ve = made(&host);
    ve.stop();
    let path = look(&ve);
    // Even with somebody in it.
    let inside = fs::File::open(path.join("etc")).unwrap();
    ve.start();
    assert_eq!(mounts(&host), before);
    assert_eq!(ve.exec(["cat", "/own"]).ok().line(), "own");
    drop(inside);
    ve.stop();
    let template = fs::read_dir(look(&ve).join("bin")).unwrap().count();
    ve.destroy();
    assert_eq!(mounts(&host), before);
    let ve = host.ve("web2").with(["--network", "none"]).create();
    assert_eq!(
        fs::read_dir(look(&ve).join("bin")).unwrap().count(),
        template
    );
    ve.veld("umount", [""; 0]).done();
}

#[test]
fn what_the_ve_has_mounted_over_its_root_is_not_seen() {
    let host = host!();
    let before = mounts(&host);
    let ve = made(&host);
    ve.sh("mount -t tmpfs own / && mount -t tmpfs own /..")
        .done();
    let path = look(&ve);
    assert_eq!(fs::read_to_string(path.join("own")).unwrap(), "own\n");
    assert_eq!(fs::read_dir(path.join("proc")).unwrap().count(), 0);
    assert!(!mounts(&host).contains("tmpfs own"));
    ve.veld("umount", [""; 0]).done();
    ve.veld("stop", ["--force"]).ok();
    assert_eq!(mounts(&host), before);
}
