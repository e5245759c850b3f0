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
