//! Mounts that a VE has from its start.

use std::fs;

use veld_tests::{Template, host};

use crate::{mounted, shared, text};

#[test]
fn mounts_are_there_before_the_first_program() {
    let host = host!();
    let data = shared(&host, "data");
    let mount = format!("{}:/data:ro", text(&data));
    let ve = host
        .ve("a")
        .with(["--network", "none", "--mount", &mount])
        .with(["--mount", "tmpfs:/data2/cache:size=64K", "--init", "/early"])
        .create();
    let early = "#!/bin/sh\ncat /data/file >/seen\nexec /bin/busybox sleep 10000\n";
    let upper = host.data().join("ve/a/private/upper");
    fs::write(upper.join("early"), early).unwrap();
    std::os::unix::fs::chown(upper.join("early"), Some(0), Some(0)).unwrap();
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(upper.join("early"), fs::Permissions::from_mode(0o755)).unwrap();
    ve.veld("start", [""; 0]).ok();
    veld_tests::until("it has looked", || ve.exec(["cat", "/seen"]).status == 0);
    assert_eq!(ve.exec(["cat", "/seen"]).ok().line(), "of data");
    assert_eq!(mounted(&ve, "/data2/cache").len(), 1);
    ve.veld("stop", ["--force"]).ok();
}

#[test]
fn systemd_comes_up_with_mounts() {
    let host = host!(Template::Debian);
    let data = shared(&host, "data");
    let mount = format!("{}:/srv/data", text(&data));
    let ve = host
        .ve("a")
        .template(Template::Debian)
        .with(["--network", "none", "--mount", &mount])
        .start();
    assert_eq!(ve.exec(["cat", "/srv/data/file"]).ok().line(), "of data");
    assert_eq!(ve.status(), "up");
    crate::set(&ve, "mount+=tmpfs:/srv/cache:size=1M");
    assert_eq!(mounted(&ve, "/srv/cache").len(), 1);
    crate::set(&ve, "mount=");
    assert_eq!(mounted(&ve, "/srv/cache").len(), 0);
    assert_eq!(mounted(&ve, "/srv/data").len(), 0);
}

#[test]
fn one_below_another_is_mounted_after_it() {
    let host = host!();
    let data = shared(&host, "data");
    let ve = host
        .ve("a")
        .with(["--network", "none"])
        .with(["--mount", &format!("{}:/x/y", text(&data))])
        .with(["--mount", "tmpfs:/x"])
        .start();
    assert_eq!(ve.exec(["cat", "/x/y/file"]).ok().line(), "of data");
    assert_eq!(mounted(&ve, "/x").len(), 1);
}

#[test]
fn a_directory_that_is_not_there_fails_the_start() {
    let host = host!();
    let ve = host
        .ve("a")
        .with(["--network", "none", "--mount", "/no/such:/data"])
        .create();
    let refused = ve.veld("start", [""; 0]);
    assert_eq!(
        refused.stderr,
        "veld: a: cannot start: cannot open /no/such of the host: No such file or directory (os error 2)\n"
    );
    assert_eq!(refused.status, 1);
    host.nothing_remains();
}

#[test]
fn a_plan_shows_them() {
    let host = host!();
    let ve = host
        .ve("a")
        .with(["--network", "none", "--mount", "/srv:/x/y:ro"])
        .with(["--mount", "tmpfs:/x"])
        .create();
    let plan = ve.veld("start", ["--dry-run"]).ok().stdout;
    assert!(
        plan.contains("mount      tmpfs:/x\nmount      /srv:/x/y:ro\n"),
        "{plan}"
    );
}
