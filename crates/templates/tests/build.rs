//! Building, with a program in mmdebstrap's place that does what a test needs,
//! and once with the real one.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test fails by a panic and runs others"
)]

mod common;

use std::fs::Permissions;
use std::ops::ControlFlow;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use common::{Archive, Host, chain};
use veld_templates::{BuildOptions, Store};

fn options(suite: &str) -> BuildOptions {
    BuildOptions {
        suite: suite.to_owned(),
        mirror: Some("deb file:/nowhere stable main".to_owned()),
        ..BuildOptions::default()
    }
}

/// Builds in another process, whose PATH starts with a directory that has a script
/// called mmdebstrap; what it says and what it gave as progress.
fn build_with(host: &Host, script: Option<&str>) -> String {
    let bin = host.scratch().join("bin");
    std::fs::create_dir_all(&bin).unwrap();
    let mut path = "/nowhere".to_owned();
    if let Some(script) = script {
        let program = bin.join("mmdebstrap");
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(program, Permissions::from_mode(0o755)).unwrap();
        path = format!("{}:/usr/bin:/bin", bin.display());
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "act_build", "--ignored", "--nocapture"])
        .env("VELD_TEST_STORE", host.path())
        .env("PATH", path)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}{error}");
    let lines = text.lines().filter_map(|line| line.split_once("said: "));
    lines.map(|(_, line)| format!("{line}\n")).collect()
}

#[test]
#[ignore = "run by other tests in a process of its own"]
fn act_build() {
    let Some(path) = std::env::var_os("VELD_TEST_STORE").map(PathBuf::from) else {
        return;
    };
    let stop = path.parent().unwrap().join("stop");
    let built = Store::new(&path).build("debian", &options("bookworm"), &mut |progress| {
        if let Some(line) = progress.line {
            println!("said: [{line}]");
        }
        if stop.exists() {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    });
    match built {
        Ok(manifest) => println!("said: {} {}", manifest.source, manifest.init),
        Err(error) => println!("said: {}", chain(&error)),
    }
}

fn assert_nothing_left(host: &Host) {
    assert_eq!(host.names(), Vec::<String>::new());
}

/// Pids that a script wrote are of processes that are gone.
fn assert_ended(pids: &Path) {
    let deadline = Instant::now() + Duration::from_secs(5);
    for pid in std::fs::read_to_string(pids).unwrap().lines() {
        let stat = format!("/proc/{pid}/stat");
        // A zombie has ended; who reaps it is not ours to say.
        let runs = || std::fs::read_to_string(&stat).is_ok_and(|text| !text.contains(") Z "));
        while runs() {
            assert!(Instant::now() < deadline, "{pid} still runs");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

#[test]
fn a_built_tree_has_nothing_of_the_host() {
    let host = Host::new();
    let archive = Archive::new()
        .file("etc/hostname", b"builder")
        .file("etc/resolv.conf", b"nameserver 192.0.2.1")
        .file("etc/machine-id", b"0123456789abcdef0123456789abcdef\n")
        .file("usr/lib/systemd/systemd", b"")
        .symlink("sbin/init", "../usr/lib/systemd/systemd");
    let file = host.scratch().join("a.tar");
    std::fs::write(&file, archive.end()).unwrap();
    let log = host.scratch().join("log");
    let script = format!(
        "echo \"$@\" > {0}; echo I: hello >&2; echo $TMPDIR >> {0}; touch $TMPDIR/x; \
         cat {1}; printf 'I: half\\rI: done' >&2; echo >&2",
        log.display(),
        file.display()
    );
    let said = build_with(&host, Some(&script));
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[0], "[I: hello]");
    assert_eq!(lines.last(), Some(&"mmdebstrap bookworm systemd"));
    assert!(lines.contains(&"[I: done]"), "{lines:?}");
    assert_eq!(host.names(), ["debian"]);
    let root = host.root("debian");
    assert!(!root.join("etc/hostname").exists());
    assert!(!root.join("etc/resolv.conf").exists());
    assert_eq!(std::fs::read(root.join("etc/machine-id")).unwrap(), b"");
    let log = std::fs::read_to_string(log).unwrap();
    let (arguments, scratch) = log.trim_end().split_once('\n').unwrap();
    assert!(arguments.starts_with("--mode=root --format=tar --variant=minbase --include="));
    assert!(arguments.ends_with(" bookworm - deb file:/nowhere stable main"));
    assert_eq!(Path::new(scratch), host.path().join(".debian.tmp"));
}

#[test]
fn a_builder_that_fails_is_quoted() {
    let host = Host::new();
    let script = "echo I: trying >&2; echo 'E: no such suite' >&2; \
                  for n in 1 2 3 4 5; do echo tidying up >&2; done; \
                  echo 'E: giving up' >&2; exit 25";
    assert_eq!(
        build_with(&host, Some(script)).lines().last(),
        Some("mmdebstrap ended with exit status: 25: no such suite; giving up")
    );
    assert_nothing_left(&host);
    // Half an archive is the consequence, not the cause.
    let script = "head -c 100 /dev/zero; echo broken pipe somewhere >&2; kill -9 $$";
    assert_eq!(
        build_with(&host, Some(script)).lines().last(),
        Some("mmdebstrap ended with signal: 9 (SIGKILL): broken pipe somewhere")
    );
    assert_nothing_left(&host);
}

#[test]
fn a_builder_whose_archive_is_refused_is_stopped_with_its_helpers() {
    let host = Host::new();
    let archive = Archive::new().file("../x", b"").end();
    let file = host.scratch().join("a.tar");
    std::fs::write(&file, archive).unwrap();
    let pids = host.scratch().join("pids");
    let script = format!(
        "sleep 1000 & echo $! > {0}; echo $$ >> {0}; cat {1}; sleep 1000",
        pids.display(),
        file.display()
    );
    let start = Instant::now();
    assert_eq!(
        build_with(&host, Some(&script)),
        "entry ../x has .. in its path\n"
    );
    assert!(start.elapsed() < Duration::from_secs(9));
    assert_ended(&pids);
    assert_nothing_left(&host);
}

#[test]
fn a_silent_builder_can_be_interrupted() {
    let host = Host::new();
    let stop = host.scratch().join("stop");
    let pids = host.scratch().join("pids");
    let script = format!(
        "mkdir $TMPDIR/chroot; echo $$ > {}; touch {}; sleep 1000",
        pids.display(),
        stop.display()
    );
    assert_eq!(build_with(&host, Some(&script)), "interrupted\n");
    assert_ended(&pids);
    assert_nothing_left(&host);
}

#[test]
fn a_builder_that_will_not_stop_is_killed() {
    let host = Host::new();
    let pids = host.scratch().join("pids");
    let stop = host.scratch().join("stop");
    let script = format!(
        "trap '' TERM; echo $$ > {}; touch {}; while :; do sleep 1; done",
        pids.display(),
        stop.display()
    );
    assert_eq!(build_with(&host, Some(&script)), "interrupted\n");
    assert_ended(&pids);
    assert_nothing_left(&host);
}

#[test]
fn a_host_without_the_builder_is_told_so() {
    let host = Host::new();
    assert_eq!(build_with(&host, None), "mmdebstrap is not installed\n");
    assert!(!host.path().exists());
}

/// The whole way, from the mirror of this host to a tree that would boot.
#[test]
fn debian_is_built_of_the_mirror_of_this_host() {
    if !rustix::process::geteuid().is_root() {
        println!("skipped: mmdebstrap needs root here");
        return;
    }
    let host = Host::new();
    let options = BuildOptions {
        suite: "bookworm".to_owned(),
        ..BuildOptions::default()
    };
    let made = host
        .store()
        .build("debian", &options, &mut |_| ControlFlow::Continue(()))
        .unwrap();
    assert_eq!(
        (made.os.id.as_str(), made.init.to_string().as_str()),
        ("debian", "systemd")
    );
    let megabytes = made.size >> 20;
    assert!((150..=250).contains(&megabytes), "{megabytes} MiB");
    let root = host.root("debian");
    for program in [
        "usr/bin/apt",
        "usr/bin/login",
        "usr/bin/ip",
        "usr/bin/dbus-daemon",
    ] {
        let found = [program, program.strip_prefix("usr/").unwrap()];
        assert!(
            found.iter().any(|path| root.join(path).exists()),
            "{program}"
        );
    }
    assert_eq!(std::fs::read(root.join("etc/machine-id")).unwrap(), b"");
    assert!(!root.join("etc/hostname").exists());
    assert_eq!(host.names(), ["debian"]);
}
