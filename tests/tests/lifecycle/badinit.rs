//! Roots whose init is not what it should be: each boots, or its start says in
//! one line why not, and leaves nothing.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use veld_tests::{Host, Output, Template, Ve, host};

/// The start of a program for a machine that this one is not: ELF of 64 bits, for
/// aarch64, or for x86-64 where that is what this is.
fn foreign() -> Vec<u8> {
    let machine = if cfg!(target_arch = "aarch64") {
        62
    } else {
        183
    };
    let mut program = vec![0; 4096];
    program[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
    program[16..20].copy_from_slice(&[2, 0, machine, 0]);
    program[20] = 1;
    program[32] = 64;
    program[52..58].copy_from_slice(&[64, 0, 56, 0, 1, 0]);
    program[64] = 1;
    program
}

#[test]
fn an_init_that_cannot_be_executed_fails_the_start_in_one_line() {
    let host = host!(Template::NoInit);
    let ve = with_init(&host, foreign());
    for (init, reason) in [
        (
            foreign(),
            "cannot execute /sbin/init: Exec format error (os error 8)",
        ),
        (
            b"#!/no/such\n".to_vec(),
            "cannot execute /sbin/init: No such file or directory (os error 2)",
        ),
        (
            b"\0\0\0\0".to_vec(),
            "cannot execute /sbin/init: Exec format error (os error 8)",
        ),
    ] {
        put(&ve, init, 0o755);
        refused(&host, &ve.veld("start", [""; 0]), reason);
        refused(&host, &ve.veld("start", ["--wait"]), reason);
        assert_eq!(ve.status(), "stopped");
        assert_eq!(ve.show()["start_error"], reason);
    }
    put(&ve, foreign(), 0o644);
    let reason = "cannot execute /sbin/init: Permission denied (os error 13)";
    refused(&host, &ve.veld("start", [""; 0]), reason);
}

#[test]
fn an_init_that_is_not_there_fails_a_start_that_wants_it_as_pid_1() {
    let host = host!(Template::NoInit);
    let ve = with_init(&host, Vec::new());
    fs::remove_file(ve.directory().join("private/upper/sbin/init")).unwrap();
    let failed = ve.veld("start", [""; 0]);
    assert_eq!((failed.status, failed.stdout.as_str()), (1, ""));
    let start = "veld: web1: cannot start: ";
    assert!(failed.stderr.starts_with(start), "{}", failed.stderr);
    assert_eq!(failed.stderr.lines().count(), 1, "{}", failed.stderr);
    host.nothing_remains();
}

#[test]
fn a_script_is_an_init_too() {
    let host = host!(Template::NoInit);
    let script = "#!/bin/sh\ntrap 'exit 0' TERM\nwhile :; do sleep 0.1; done\n";
    let ve = with_init(&host, script);
    ve.start();
    assert_eq!(ve.exec(["cat", "/proc/1/comm"]).ok().line(), "init");
    assert_eq!(ve.show()["init"]["is_pid_1"], true);
    ve.stop();
    assert_eq!(ve.last_end(), "was stopped");
    host.nothing_remains();
}

#[test]
fn an_init_that_ends_at_once_is_told_by_its_status() {
    let host = host!(Template::NoInit);
    let ve = with_init(&host, "#!/bin/sh\nexit 3\n");
    ve.veld("start", ["--wait"]).fails(
        1,
        "veld: web1: ended before its services were up: its PID 1 exited with status 3",
    );
    assert_eq!(ve.status(), "stopped");
    assert_eq!(ve.last_end(), "its PID 1 exited with status 3");
    let mut terminal = host.terminal(["start", "--wait", "web1"]);
    terminal.shows("veld: hint: see veld logs web1");
    assert_eq!(terminal.ended().0, 1);
    host.nothing_remains();
    let ve = host.ve("web2").create();
    fs::create_dir(ve.directory().join("private/upper/etc")).unwrap();
    let table = ve.directory().join("private/upper/etc/inittab");
    fs::write(
        table,
        "::sysinit:/sbin/poweroff -f\n::sysinit:/bin/sleep 9\n",
    )
    .unwrap();
    ve.veld("start", ["--wait"]).fails(
        1,
        "veld: web2: ended before its services were up: was powered off from inside",
    );
    host.nothing_remains();
}

#[test]
fn an_init_that_forks_without_end_is_bounded_and_stops() {
    let host = host!(Template::NoInit);
    // PID 1 itself forks once, before there is a bomb: a shell that cannot fork ends.
    let script = "#!/bin/sh\ntrap 'exit 0' TERM\n\
        bomb() { while :; do sleep 0.3 & bomb & done; }\n\
        (sleep 0.1; bomb & bomb & bomb) &\nwhile :; do read line </dev/console; done\n";
    let ve = host
        .ve("web1")
        .template(Template::NoInit)
        .with(["--processes", "50"])
        .create();
    hand_over(&ve);
    put(&ve, script, 0o755);
    ve.veld("start", [""; 0]).done();
    veld_tests::until("the bomb goes off", || ve.group().processes().len() > 20);
    std::thread::sleep(std::time::Duration::from_secs(1));
    assert!(ve.group().processes().len() <= 50);
    let stopped = ve.veld("stop", ["--timeout", "3"]);
    assert_eq!(stopped.status, 0, "{}", stopped.stderr);
    host.nothing_remains();
}

#[test]
fn a_root_without_the_usual_directories_boots() {
    let host = host!(Template::NoInit);
    own_templates(&host);
    for missing in ["etc", "proc", "sys", "dev", "tmp", "root", "bin/sh"] {
        let made = tempfile::tempdir_in(host.directory()).unwrap();
        let tree = made.path().join("tree");
        copy(&Template::NoInit.root(), &tree);
        let gone = tree.join(missing);
        if fs::symlink_metadata(&gone).unwrap().is_dir() {
            fs::remove_dir_all(gone).unwrap();
        } else {
            fs::remove_file(gone).unwrap();
        }
        boots(&host, &tree, missing);
    }
    // Nothing but a program that is no init.
    let made = tempfile::tempdir_in(host.directory()).unwrap();
    let tree = made.path().join("tree");
    fs::create_dir_all(tree.join("bin")).unwrap();
    fs::copy("/bin/busybox", tree.join("bin/busybox")).unwrap();
    boots(&host, &tree, "all");
}

#[test]
fn an_init_that_is_a_directory_is_none() {
    let host = host!(Template::NoInit);
    own_templates(&host);
    let made = tempfile::tempdir_in(host.directory()).unwrap();
    let tree = made.path().join("tree");
    copy(&Template::NoInit.root(), &tree);
    fs::create_dir(tree.join("sbin/init")).unwrap();
    boots(&host, &tree, "init");
}

/// Imports a tree as a template and starts a VE of it: with no init that asks for
/// more, it is up.
fn boots(host: &Host, tree: &Path, what: &str) {
    let name = format!("without-{}", what.replace('/', "-"));
    let tree = tree.display().to_string();
    host.veld(["template", "import", &tree, "--name", &name])
        .ok();
    let ve = host.existing("web1");
    host.veld(["create", "web1", "-t", &name]).done();
    let started = ve.veld("start", ["--wait"]);
    assert_eq!(started.stderr, "", "without {what}");
    assert_eq!(ve.status(), "up", "without {what}");
    ve.stop();
    host.nothing_remains();
    ve.destroy();
}

/// Keeps templates of this host apart from those of all tests, and with it.
fn own_templates(host: &Host) {
    let config = fs::read_to_string(host.config()).unwrap();
    let own = host.directory().join("templates");
    fs::create_dir(&own).unwrap();
    let line = config
        .lines()
        .find(|line| line.starts_with("templates = "))
        .unwrap();
    fs::write(
        host.config(),
        config.replace(line, &format!("templates = {own:?}")),
    )
    .unwrap();
}

/// Copies a tree of plain files, directories and links.
fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    fs::set_permissions(to, fs::metadata(from).unwrap().permissions()).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (here, there) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            copy(&here, &there);
        } else if kind.is_symlink() {
            symlink(fs::read_link(here).unwrap(), there).unwrap();
        } else {
            fs::copy(here, there).unwrap();
        }
    }
}

fn refused(host: &Host, started: &Output, reason: &str) {
    started.fails(1, &format!("veld: web1: cannot start: {reason}"));
    host.nothing_remains();
}

/// A VE that executes this as its PID 1.
fn with_init(host: &Host, init: impl AsRef<[u8]>) -> Ve<'_> {
    let ve = host.ve("web1").template(Template::NoInit).create();
    hand_over(&ve);
    put(&ve, init, 0o755);
    ve
}

fn hand_over(ve: &Ve<'_>) {
    let config = fs::read_to_string(ve.config()).unwrap();
    let config = config.replace("init = \"auto\"", "init = \"hand-over\"");
    fs::write(ve.config(), config).unwrap();
}

fn put(ve: &Ve<'_>, init: impl AsRef<[u8]>, mode: u32) {
    let sbin = ve.directory().join("private/upper/sbin");
    fs::create_dir_all(&sbin).unwrap();
    fs::write(sbin.join("init"), init).unwrap();
    fs::set_permissions(sbin.join("init"), Permissions::from_mode(mode)).unwrap();
}
