//! What root of a VE does to its own mounts harms nobody.

use std::fs;

use veld_tests::host;

use crate::{mounted, set, shared, skipped, text};

#[test]
fn what_is_read_only_cannot_be_made_writable_inside() {
    let host = host!();
    let data = shared(&host, "data");
    fs::set_permissions(&data, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    let at_start = format!("{}:/first:ro", text(&data));
    let ve = host
        .ve("a")
        .with(["--network", "none", "--mount", &at_start])
        .start();
    set(&ve, &format!("mount+={}:/later:ro", text(&data)));
    for place in ["/first", "/later"] {
        let written = ve.sh(&format!("echo x >{place}/new"));
        assert!(
            written.stderr.contains("Read-only file system"),
            "{}",
            written.stderr
        );
        for options in [
            "remount,rw,bind",
            "remount,bind,ro,dev",
            "remount,bind,ro,suid",
        ] {
            let remounted = ve.exec(["mount", "-o", options, place]);
            assert_ne!(remounted.status, 0, "{place} {options}");
        }
        let options = mounted(&ve, place).concat();
        assert!(options.contains("ro,nosuid,nodev"), "{options}");
        // Nor by a copy.
        let copied = ve.sh(&format!(
            "mkdir -p /copy && mount --bind {place} /copy && mount -o remount,rw,bind /copy"
        ));
        assert_ne!(copied.status, 0);
        ve.exec(["umount", "/copy"]).ok();
    }
    assert!(!data.join("new").exists());
}

#[test]
fn what_the_ve_unmounts_is_not_missed() {
    let host = host!();
    let data = shared(&host, "data");
    let ve = host.ve("a").with(["--network", "none"]).start();
    set(&ve, &format!("mount+={}:/data", text(&data)));
    ve.exec(["umount", "/data"]).done();
    set(&ve, "mount-=/data");
    set(&ve, &format!("mount+={}:/data", text(&data)));
    // As often as the VE has mounted the same there anew, it goes.
    ve.sh("mount --bind /data /data && mount --bind /data /data")
        .done();
    set(&ve, "mount-=/data");
    assert_eq!(mounted(&ve, "/data"), Vec::<String>::new());
}

#[test]
fn what_the_ve_has_mounted_over_it_is_not_taken_away() {
    let host = host!();
    let data = shared(&host, "data");
    let ve = host.ve("a").with(["--network", "none"]).start();
    set(&ve, &format!("mount+={}:/data", text(&data)));
    ve.exec(["mount", "-t", "tmpfs", "own", "/data"]).done();
    let refused = ve.veld("set", ["mount-=/data"]);
    assert_eq!(
        refused.stderr,
        "veld: a: cannot set: cannot unmount /data of the VE: Device or resource busy (os error 16)\n"
    );
    assert_eq!(mounted(&ve, "/data").len(), 2);
    ve.exec(["umount", "/data"]).done();
    set(&ve, "mount-=/data");
    assert_eq!(mounted(&ve, "/data").len(), 0);
}

#[test]
fn a_place_that_is_a_link_out_stays_inside() {
    let host = host!();
    let data = shared(&host, "data");
    let outside = host.directory().join("outside");
    fs::create_dir(&outside).unwrap();
    let ve = host.ve("a").with(["--network", "none"]).start();
    ve.sh(&format!(
        "mkdir -p {0} && ln -s ../../../../../../../..{0} /up && ln -s /proc/1/root /magic",
        text(&outside)
    ))
    .done();
    set(&ve, &format!("mount+={}:/up", text(&data)));
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
    let inside = format!("{}/file", text(&outside));
    assert_eq!(ve.exec(["cat", &inside]).ok().line(), "of data");
    let refused = ve.veld("set", [format!("mount+={}:/magic/data", text(&data))]);
    assert_eq!(
        refused.stderr,
        "veld: a: cannot set: cannot use /magic/data of the VE as a mount point: \
         Too many levels of symbolic links (os error 40)\n"
    );
    set(&ve, "mount-=/up");
    assert_eq!(ve.exec(["ls", text(&outside)]).ok().stdout, "");
}

#[test]
fn what_the_ve_mounts_below_does_not_show_outside() {
    let host = host!();
    let data = shared(&host, "data");
    fs::create_dir(data.join("below")).unwrap();
    let ve = host.ve("a").with(["--network", "none"]).start();
    set(&ve, &format!("mount+={}:/data", text(&data)));
    ve.sh("mount --make-rshared / && mount -t tmpfs own /data/below && touch /data/below/own")
        .done();
    assert_eq!(fs::read_dir(data.join("below")).unwrap().count(), 0);
    set(&ve, "mount-=/data");
    assert_eq!(mounted(&ve, "/data/below"), Vec::<String>::new());
}

#[test]
fn a_place_in_a_file_system_that_never_answers_is_not_waited_for() {
    let host = host!();
    let data = shared(&host, "data");
    let ve = host.ve("a").with(["--network", "none"]).start();
    ve.bring_probe();
    ve.sh("mkdir /var/served && /var/probe hang /var/served </dev/null >/var/said 2>&1 &")
        .done();
    veld_tests::until("the file system was asked", || {
        ve.exec(["cat", "/var/said"]).stdout.trim_end() == "asked"
    });
    let refused = ve.veld("set", [format!("mount+={}:/var/served/x", text(&data))]);
    assert_eq!(
        refused.stderr,
        "veld: a: cannot set: the child said nothing for 5 s\n"
    );
    assert_eq!(ve.show()["mounts"], serde_json::json!([]));
    ve.veld("stop", ["--force"]).ok();
    host.nothing_remains();
}

#[test]
fn a_source_that_a_ve_made_a_link_leads_nowhere() {
    let host = host!();
    let data = shared(&host, "data");
    fs::create_dir(data.join("sub")).unwrap();
    let secret = shared(&host, "secret");
    let ve = host.ve("a").with(["--network", "none"]).start();
    let set = ve.veld("set", [format!("mount+={}:/data:idmap", text(&data))]);
    if set.status != 0 {
        skipped(&set.stderr);
        return;
    }
    let swap = format!("rmdir /data/sub && ln -s {} /data/sub", text(&secret));
    ve.sh(&swap).done();
    let sub = data.join("sub");
    let sub = text(&sub);
    for source in [sub.to_owned(), format!("{sub}/file")] {
        let refused = ve.veld("set", [format!("mount+={source}:/sub:idmap")]);
        assert_eq!(
            refused.stderr,
            format!(
                "veld: a: cannot set: cannot open {source} of the host, which leads over a \
                 symbolic link: Too many levels of symbolic links (os error 40)\n"
            )
        );
        assert_eq!(mounted(&ve, "/sub"), Vec::<String>::new());
    }
}
