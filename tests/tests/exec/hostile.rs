//! A VE that lies in wait for whoever enters it.

use std::os::unix::fs::PermissionsExt;

use veld_tests::{Host, host};

/// What the command would say if the VE had it executed once more.
const OURS: &str = "veld ";

#[test]
fn a_program_that_leads_to_the_command_itself_is_not_executed() {
    let host = host!();
    let ve = host.ve("web1").start();
    ve.sh("ln -s /proc/self/exe /usr/bin/hostile; ln -s /proc/self/exe /var/link")
        .ok();
    for name in ["hostile", "/var/link", "/proc/self/exe"] {
        let executed = ve.exec([name, "--version"]);
        assert!(
            !executed.stdout.starts_with(OURS),
            "{name} is the host's own command"
        );
        assert!(
            !executed.stderr.contains("unknown command"),
            "{name} is the host's own command"
        );
        assert_eq!(executed.status, 126, "{name}: {}", executed.stderr);
    }
}

#[test]
fn a_program_that_leads_to_a_descriptor_of_the_command_is_not_executed() {
    let host = host!();
    let ve = host.ve("web1").start();
    for number in 0..16 {
        ve.sh(&format!("ln -sf /proc/self/fd/{number} /usr/bin/hostile"))
            .done();
        let executed = ve.exec(["hostile", "--version"]);
        assert!(
            [126, 127].contains(&executed.status),
            "{number}: {}",
            executed.stderr
        );
        assert_eq!(executed.stdout, "", "{number}");
    }
}

#[test]
fn the_command_cannot_be_opened_for_writing_from_inside() {
    let host = host!();
    let ve = host.ve("web1").start();
    ve.bring_probe();
    let before = std::fs::read(Host::program()).unwrap();
    let mode = std::fs::metadata(Host::program())
        .unwrap()
        .permissions()
        .mode();
    // For as long as it can be, the way in is looked for in all processes.
    let script = "i=0; while [ $i -lt 200 ]; do for p in /proc/[0-9]*; do \
                  /var/probe write $p/exe x; done; i=$((i+1)); done 2>/dev/null | sort | uniq -c";
    let watcher = ve.exec_cmd([""; 0], ["sh", "-c", script]).spawn();
    for _ in 0..40 {
        ve.exec(["true"]).done();
    }
    let seen = watcher.output();
    assert!(
        !seen.lines().any(|line| line.trim_end().ends_with("ok")),
        "{}",
        seen.stdout
    );
    assert!(std::fs::read(Host::program()).unwrap() == before);
    assert_eq!(
        std::fs::metadata(Host::program())
            .unwrap()
            .permissions()
            .mode(),
        mode
    );
}

#[test]
fn a_directory_that_leads_out_of_the_ve_is_not_entered() {
    let host = host!();
    let ve = host.ve("web1").start();
    for number in 0..16 {
        let refused = ve.exec_with(["-w", &format!("/proc/self/fd/{number}")], ["ls"]);
        assert_eq!(
            (refused.status, refused.stdout.as_str()),
            (125, ""),
            "{number}"
        );
    }
    ve.sh("ln -s /proc/self/fd/5 /var/way; ln -s /proc/1/root /var/other")
        .done();
    for path in [
        "/var/way",
        "/proc/self/cwd",
        "/proc/self/root",
        "/var/other",
    ] {
        let refused = ve.exec_with(["-w", path], ["ls"]);
        assert_eq!(
            (refused.status, refused.stdout.as_str()),
            (125, ""),
            "{path}"
        );
    }
}

#[test]
fn a_home_that_leads_out_of_the_ve_is_not_entered() {
    let host = host!();
    let ve = host.ve("web1").start();
    ve.sh("sed -i 's|:/home/alice:|:/proc/self/fd/5:|' /etc/passwd")
        .done();
    assert_eq!(ve.exec_with(["-u", "alice"], ["pwd"]).ok().line(), "/");
}

#[test]
fn files_of_users_that_never_end_do_not_hold_up_the_command() {
    let host = host!();
    let ve = host.ve("web1").start();
    ve.sh("cd /etc; rm passwd group; mkfifo passwd; ln -s /dev/zero group")
        .done();
    // Root needs no files.
    assert_eq!(ve.exec(["echo", "in"]).ok().line(), "in");
    let refused = ve.exec_with(["-u", "alice"], ["true"]);
    assert_eq!(refused.status, 125, "{}", refused.stderr);
    let uid = ["sed", "-n", "s/^Uid:.//p", "/proc/self/status"];
    let seen = ve.exec_with(["-u", "1000:100"], uid).ok();
    assert_eq!(seen.line(), "1000\t1000\t1000\t1000");
}

#[test]
fn a_terminal_is_refused_where_the_ve_put_something_else_in_its_place() {
    let host = host!();
    let ve = host.ve("web1").start();
    ve.sh("umount -l /dev/pts 2>/dev/null; mount -t tmpfs tmpfs /dev/pts")
        .ok();
    let (status, shown) = ve.terminal(["true"]).ended();
    let line = "veld: web1: cannot exec: cannot use /dev/pts of the VE as a devpts: No such device (os error 19)\r\n";
    assert_eq!((status, shown.as_str()), (125, line));
    ve.exec(["true"]).done();
}

#[test]
fn a_proc_that_the_ve_made_up_does_not_mislead_the_command() {
    let host = host!();
    let ve = host.ve("web1").start();
    ve.sh("mount -t tmpfs tmpfs /proc; mkdir -p /proc/self/fd; echo 1 >/proc/self/setgroups")
        .ok();
    assert_eq!(ve.exec(["echo", "in"]).ok().line(), "in");
    assert_eq!(
        ve.exec_with(["-u", "alice"], ["id", "-u"]).ok().line(),
        "1000"
    );
}
