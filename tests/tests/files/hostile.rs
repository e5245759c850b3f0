//! What root of a VE may try while its host copies.

use std::fs;
use std::time::{Duration, Instant};

use veld_tests::host;

use crate::{cp, scratch, text};

#[test]
fn no_link_leads_outside() {
    let host = host!();
    let scratch = scratch(&host);
    let secret = scratch.join("secret");
    fs::write(&secret, "of the host\n").unwrap();
    let ve = host.ve("web1").with(["--network", "none"]).start();
    let out = text(&scratch);
    ve.sh(&format!(
        "ln -s {out} /abs; ln -s ../../../../../../../..{out} /up; ln -s /proc/1/root /magic; \
         ln -s /proc/self/cwd /cwd; ln -s {out}/secret /file"
    ))
    .done();
    for running in [true, false] {
        if !running {
            ve.stop();
        }
        for path in ["/abs/secret", "/up/secret", "/cwd/secret", "/file/"] {
            let refused = cp(&host, [&format!("web1:{path}"), "-"]);
            assert_eq!((refused.status, refused.stdout.as_str()), (1, ""), "{path}");
            assert!(
                refused.stderr.contains("No such file")
                    || refused.stderr.contains("symbolic links"),
                "{}",
                refused.stderr
            );
        }
        for path in [
            "/abs/new",
            "/up/new",
            "/cwd/new",
            "/magic/tmp/new",
            "/file/",
        ] {
            let refused = cp(&host, ["/etc/passwd", &format!("web1:{path}")]);
            assert_eq!(refused.status, 1, "{path}");
        }
    }
    assert_eq!(fs::read_dir(&scratch).unwrap().count(), 1);
    assert_eq!(fs::read_to_string(&secret).unwrap(), "of the host\n");
}

#[test]
fn what_is_swapped_meanwhile_leads_nowhere_either() {
    let host = host!();
    let scratch = scratch(&host);
    let outside = scratch.join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("secret"), "of the host\n").unwrap();
    let source = scratch.join("source");
    fs::create_dir_all(source.join("dir")).unwrap();
    for number in 0..20 {
        fs::write(source.join(format!("dir/file{number}")), "given").unwrap();
    }
    let ve = host.ve("web1").with(["--network", "none"]).start();
    ve.sh(&format!(
        "mkdir -p /in/source/dir /real/dir && echo inner >/real/dir/secret && \
         ln -s {} /link && cat >/swap <<'END'\n\
         #!/bin/sh\n\
         cd /in/source\n\
         while :; do mv dir d1; ln -s {0} dir; rm dir; mv d1 dir; \
         cd /real; mv dir d1; ln -s {0} dir; rm dir; mv d1 dir; cd /in/source; done\n\
         END\n\
         chmod 755 /swap",
        text(&outside)
    ))
    .done();
    let _swapping = ve.exec_cmd([""; 0], ["/swap"]).spawn();
    let deadline = Instant::now() + Duration::from_secs(4);
    let mut rounds = 0;
    while Instant::now() < deadline {
        // Whether it works is the VE's affair.
        let _ = cp(&host, [text(&source), "web1:/in"]);
        let back = scratch.join("back");
        let _ = cp(&host, ["web1:/real", text(&back)]);
        // A link comes as a link.
        let is_directory = fs::symlink_metadata(back.join("dir")).is_ok_and(|it| it.is_dir());
        let got = fs::read_to_string(back.join("dir/secret")).unwrap_or_default();
        let got = if is_directory { got } else { String::new() };
        assert!(got.is_empty() || got == "inner\n", "{got}");
        let _ = fs::remove_dir_all(&back);
        let got = cp(&host, ["web1:/real/dir/secret", "-"]);
        assert!(
            got.stdout.is_empty() || got.stdout == "inner\n",
            "{}",
            got.stdout
        );
        rounds += 1;
    }
    assert!(rounds > 5, "{rounds}");
    let names: Vec<_> = fs::read_dir(&outside)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, ["secret"]);
    ve.veld("stop", ["--force"]).ok();
}

#[test]
fn fifos_and_devices_are_not_opened() {
    let host = host!();
    let scratch = scratch(&host);
    let ve = host.ve("web1").with(["--network", "none"]).start();
    ve.sh("mkdir /d && mkfifo /d/fifo && echo x >/d/file")
        .done();
    let begun = Instant::now();
    let refused = cp(&host, ["web1:/d/fifo", "-"]);
    assert_eq!(
        refused.stderr,
        "veld: web1: cannot cp: cannot read web1:/d/fifo: Invalid argument (os error 22)\n"
    );
    cp(&host, ["web1:/d", text(&scratch.join("d"))]).done();
    assert!(scratch.join("d/file").exists() && scratch.join("d/fifo").exists());
    let warned = cp(&host, ["web1:/dev/null", text(&scratch.join("null"))]);
    assert_eq!(
        warned.stderr,
        "veld: web1: warning: left out web1:/dev/null, which is a device\n"
    );
    assert_eq!(warned.status, 0);
    assert!(!scratch.join("null").exists());
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_file_system_of_the_ves_that_never_answers_is_not_waited_for() {
    let host = host!();
    let scratch = scratch(&host);
    let ve = host.ve("web1").with(["--network", "none"]).start();
    ve.bring_probe();
    ve.sh("mkdir /var/served && /var/probe hang /var/served </dev/null >/var/said 2>&1 &")
        .done();
    veld_tests::until("the file system was asked", || {
        ve.exec(["cat", "/var/said"]).stdout.trim_end() == "asked"
    });
    let begun = Instant::now();
    let refused = cp(&host, ["web1:/var/served/file", text(&scratch.join("x"))]);
    assert_eq!(
        refused.stderr,
        "veld: web1: cannot cp: cannot open web1:/var/served/file: Permission denied (os error 13)\n"
    );
    let refused = cp(&host, ["/etc/passwd", "web1:/var/served/new"]);
    assert_eq!(refused.status, 1);
    // It does not keep anything else from being copied.
    let whole = cp(&host, ["web1:/var/said", "-"]).ok();
    assert_eq!(whole.line(), "asked");
    let path = ve.veld("mount", [""; 0]).ok();
    let served = std::path::Path::new(path.line()).join("var/served");
    assert_eq!(fs::read_dir(served).unwrap().count(), 0);
    assert!(begun.elapsed() < Duration::from_secs(10));
    ve.veld("stop", ["--force"]).ok();
    host.nothing_remains();
}

/// A directory of the host's, mounted in a VE that may write in it and no more.
fn shared<'h>(host: &'h veld_tests::Host, scratch: &std::path::Path) -> veld_tests::Ve<'h> {
    use std::os::unix::fs::PermissionsExt;
    let mode = |name: &str, mode| {
        fs::set_permissions(scratch.join(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    for directory in ["shared", "shared/closed", "shared/sticky", "shared/free"] {
        fs::create_dir(scratch.join(directory)).unwrap();
        mode(directory, 0o755);
        fs::write(scratch.join(directory).join("secret"), "of the host\n").unwrap();
    }
    mode("shared/closed", 0o700);
    mode("shared/sticky", 0o1777);
    mode("shared/free", 0o777);
    mode("shared/free/secret", 0o600);
    let mount = format!("{}:/shared", text(&scratch.join("shared")));
    let ve = host
        .ve("web1")
        .with(["--network", "none", "--mount", &mount])
        .start();
    ve.sh("ln -s /shared /link && ln -s /shared/closed/secret /file && mkdir /to")
        .done();
    ve
}

#[test]
fn what_the_ve_may_not_read_of_the_hosts_is_not_read_for_it() {
    let host = host!();
    let scratch = scratch(&host);
    let ve = shared(&host, &scratch);
    cp(&host, ["web1:/link/secret", "web1:/to/open"]).done();
    assert_eq!(ve.exec(["cat", "/to/open"]).ok().line(), "of the host");
    for path in [
        "/link/free/secret",
        "/shared/closed/secret",
        "/link/closed/",
        "/shared/closed/.",
    ] {
        let refused = cp(&host, [format!("web1:{path}"), "web1:/to".to_owned()]);
        assert!(
            refused
                .stderr
                .ends_with("Permission denied (os error 13)\n"),
            "{path} {}",
            refused.stderr
        );
    }
    let refused = cp(&host, ["web1:/shared/free", "web1:/to"]);
    assert_eq!(
        refused.stderr,
        "veld: web1: cannot cp: cannot copy web1:/shared/free/secret: Permission denied (os error 13)\n"
    );
    assert_eq!(ve.sh("find /to -type f").ok().line(), "/to/open");
}

#[test]
fn what_the_ve_may_not_write_of_the_hosts_is_not_written_for_it() {
    use std::os::unix::fs::MetadataExt;
    let host = host!();
    let scratch = scratch(&host);
    let source = scratch.join("secret");
    fs::write(&source, "another\n").unwrap();
    let ve = shared(&host, &scratch);
    let source = text(&source);
    for (to, cause) in [
        ("/link", "Permission denied (os error 13)\n"),
        ("/link/new", "Permission denied (os error 13)\n"),
        ("/link/closed/new", "Permission denied (os error 13)\n"),
        ("/link/sticky", "Operation not permitted (os error 1)\n"),
    ] {
        let refused = cp(&host, [source, &format!("web1:{to}")]);
        assert!(refused.stderr.ends_with(cause), "{to} {}", refused.stderr);
    }
    // Nor does it become the owner of what is there.
    fs::create_dir(scratch.join("free")).unwrap();
    let refused = cp(&host, ["-a", text(&scratch.join("free")), "web1:/shared"]);
    assert_eq!(refused.status, 1);
    for path in ["secret", "closed/secret", "sticky/secret", "free"] {
        let found = fs::metadata(scratch.join("shared").join(path)).unwrap();
        assert_eq!((found.uid(), found.gid()), (0, 0), "{path}");
    }
    for directory in ["", "closed", "sticky"] {
        let path = scratch.join("shared").join(directory);
        let secret = fs::read_to_string(path.join("secret")).unwrap();
        assert_eq!(secret, "of the host\n");
        let hidden = fs::read_dir(&path).unwrap().filter(|entry| {
            let name = entry.as_ref().unwrap().file_name();
            name.to_string_lossy().starts_with('.')
        });
        assert_eq!(hidden.count(), 0);
    }
    // What it could do itself it gets done.
    cp(&host, [source, "web1:/shared/free/"]).done();
    assert_eq!(
        ve.exec(["cat", "/shared/free/secret"]).ok().line(),
        "another"
    );
    cp(&host, [source, "web1:/shared/sticky/own"]).done();
}
