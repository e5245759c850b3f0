//! Mounts that come and go while a VE runs.

use std::fs;
use std::os::unix::fs::MetadataExt;

use veld_tests::{Template, host};

use crate::{mounted, set, shared, skipped, text};

#[test]
fn a_directory_comes_and_goes() {
    let host = host!();
    let data = shared(&host, "data");
    let ve = host.ve("a").with(["--network", "none"]).start();
    let before = ve.exec(["cat", "/proc/self/mountinfo"]).ok().stdout;
    set(&ve, &format!("mount+={}:/srv/deep/data", text(&data)));
    assert_eq!(
        ve.exec(["cat", "/srv/deep/data/file"]).ok().line(),
        "of data"
    );
    // What the host puts there the VE sees.
    fs::write(data.join("later"), "now").unwrap();
    assert_eq!(ve.exec(["cat", "/srv/deep/data/later"]).ok().line(), "now");
    assert_eq!(
        ve.exec(["stat", "-c", "%u:%g %a", "/srv/deep"]).ok().line(),
        "0:0 755",
        "what was missing of the place is the VE's"
    );
    let options = mounted(&ve, "/srv/deep/data").concat();
    assert!(options.contains("nosuid,nodev"), "{options}");
    assert_eq!(
        ve.show()["mounts"],
        serde_json::json!([format!("{}:/srv/deep/data", text(&data))])
    );
    set(&ve, "mount-=/srv/deep/data");
    assert_eq!(ve.exec(["cat", "/proc/self/mountinfo"]).ok().stdout, before);
    let here = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let ours = fs::canonicalize(host.directory()).unwrap();
    assert!(!here.contains(text(&ours)), "{here}");
    assert_eq!(ve.exec(["ls", "/srv/deep/data"]).ok().stdout, "");
    assert_eq!(ve.show()["mounts"], serde_json::json!([]));
}

#[test]
fn a_mount_is_there_again_after_the_next_start() {
    let host = host!();
    let data = shared(&host, "data");
    let ve = host.ve("a").with(["--network", "none"]).start();
    set(&ve, &format!("mount+={}:/data:ro", text(&data)));
    set(&ve, "mount+=tmpfs:/cache:size=1M:mode=700");
    ve.stop();
    host.nothing_remains();
    ve.start();
    assert_eq!(ve.exec(["cat", "/data/file"]).ok().line(), "of data");
    assert_eq!(
        ve.exec(["stat", "-c", "%a %u", "/cache"]).ok().line(),
        "700 0"
    );
    // What was there at the start goes as what came later does.
    set(&ve, "mount=");
    assert_eq!(mounted(&ve, "/data"), Vec::<String>::new());
    assert_eq!(mounted(&ve, "/cache"), Vec::<String>::new());
}

#[test]
fn a_mount_for_this_run_is_not_there_after_the_next_start() {
    let host = host!();
    let data = shared(&host, "data");
    let ve = host.ve("a").with(["--network", "none"]).start();
    ve.veld(
        "set",
        ["--runtime", &format!("mount+={}:/data", text(&data))],
    )
    .done();
    assert_eq!(ve.exec(["cat", "/data/file"]).ok().line(), "of data");
    ve.stop();
    ve.start();
    assert_eq!(mounted(&ve, "/data"), Vec::<String>::new());
}

#[test]
fn a_file_is_mounted_on_a_file() {
    let host = host!();
    let data = shared(&host, "data");
    let ve = host.ve("a").with(["--network", "none"]).start();
    let file = data.join("file");
    set(&ve, &format!("mount+={}:/etc/one.conf:ro", text(&file)));
    assert_eq!(ve.exec(["cat", "/etc/one.conf"]).ok().line(), "of data");
    let refused = ve.veld("set", [format!("mount+={}:/etc:ro", text(&file))]);
    assert_eq!(
        refused.stderr,
        "veld: a: cannot set: cannot use /etc of the VE as a mount point: Is a directory (os error 21)\n"
    );
    assert_eq!(refused.status, 1);
    set(&ve, "mount-=/etc/one.conf");
    assert_eq!(ve.exec(["cat", "/etc/one.conf"]).ok().stdout, "");
}

#[test]
fn ids_are_the_hosts_and_with_idmap_those_on_disk() {
    let host = host!();
    let data = shared(&host, "data");
    let owned = data.join("owned");
    fs::write(&owned, "").unwrap();
    std::os::unix::fs::chown(&owned, Some(1000), Some(100)).unwrap();
    std::os::unix::fs::chown(&data, Some(1000), Some(100)).unwrap();
    let ve = host
        .ve("a")
        .with(["--network", "none"])
        .template(Template::Busybox)
        .start();
    set(&ve, &format!("mount+={}:/plain", text(&data)));
    let owner = |path: &str| {
        let said = ve.exec(["stat", "-c", "%u:%g", path]).ok();
        said.line().to_owned()
    };
    assert_eq!(owner("/plain/owned"), "65534:65534");
    let made = ve.veld("set", [format!("mount+={}:/mapped:idmap", text(&data))]);
    if made.status != 0 {
        assert!(made.stderr.contains("cannot idmap"), "{}", made.stderr);
        skipped(&made.stderr);
        return;
    }
    assert_eq!(owner("/mapped/owned"), "1000:100");
    ve.sh("touch /mapped/roots && chown 7:8 /mapped/roots")
        .done();
    let made = fs::metadata(data.join("roots")).unwrap();
    assert_eq!((made.uid(), made.gid()), (7, 8));
    let made = ve.sh("touch /plain/roots2").stderr;
    assert!(made.contains("Permission denied"), "{made}");
}

#[test]
fn a_tmpfs_holds_what_it_is_given() {
    let host = host!();
    let ve = host.ve("a").with(["--network", "none"]).start();
    set(&ve, "mount+=tmpfs:/cache:size=256K");
    let full = ve.sh("dd if=/dev/zero of=/cache/x bs=1k count=300 2>&1; stat -c %s /cache/x");
    assert!(full.stdout.contains("No space left"), "{}", full.stdout);
    assert!(full.stdout.ends_with("262144\n"), "{}", full.stdout);
    assert_eq!(ve.exec(["stat", "-c", "%a", "/cache"]).ok().line(), "1777");
}

#[test]
fn what_is_mounted_below_comes_along_where_it_is_asked_for() {
    let host = host!();
    let data = shared(&host, "data");
    let below = data.join("below");
    fs::create_dir(&below).unwrap();
    let words = ["-t", "tmpfs", "tmpfs", text(&below)];
    veld_tests::Cmd::program("mount", words).run().done();
    fs::write(below.join("inner"), "inner\n").unwrap();
    let ve = host.ve("a").with(["--network", "none"]).start();
    set(&ve, &format!("mount+={}:/one", text(&data)));
    set(&ve, &format!("mount+={}:/all:recursive:ro", text(&data)));
    let one = ve.exec(["ls", "/one/below"]).ok().stdout;
    let all = ve.exec(["cat", "/all/below/inner"]).ok().stdout;
    let written = ve.sh("echo x >/all/below/inner").stderr;
    set(&ve, "mount=");
    veld_tests::Cmd::program("umount", [text(&below)])
        .run()
        .done();
    assert_eq!((one.as_str(), all.as_str()), ("", "inner\n"));
    assert!(written.contains("Read-only file system"), "{written}");
}
