//! As whom, where, and with what environment.

use veld_tests::host;

#[test]
fn a_program_runs_as_root_unless_told_otherwise() {
    let host = host!();
    let ve = host.ve("web1").start();
    assert_eq!(ve.exec(["id"]).ok().line(), "uid=0(root) gid=0(root)");
    assert_eq!(ve.exec(["pwd"]).ok().line(), "/root");
}

#[test]
fn a_user_by_name_or_number_has_the_groups_of_the_ve() {
    let host = host!();
    let ve = host.ve("web1").start();
    let alice = "uid=1000(alice) gid=100(users) groups=10(wheel),29(audio)";
    for (user, identity) in [
        ("alice", alice),
        ("1000", alice),
        ("1000:29", "uid=1000(alice) gid=29(audio)"),
        ("33", "uid=33 gid=33"),
        ("33:44", "uid=33 gid=44"),
    ] {
        assert_eq!(
            ve.exec_with(["-u", user], ["id"]).ok().line(),
            identity,
            "{user}"
        );
    }
    assert_eq!(
        ve.exec_with(["-u", "alice"], ["pwd"]).ok().line(),
        "/home/alice"
    );
}

#[test]
fn a_user_that_the_ve_does_not_have_is_refused_by_name() {
    let host = host!();
    let ve = host.ve("web1").start();
    for user in ["nobody", "alice:x", "-1", "", "alice:users"] {
        let refused = ve.exec_with([format!("--user={user}")], ["id"]);
        assert_eq!(
            (refused.status, refused.stdout.as_str()),
            (125, ""),
            "{user}"
        );
        let named = format!("user \"{user}\"");
        assert!(
            refused.stderr.starts_with("veld: web1: cannot exec: "),
            "{}",
            refused.stderr
        );
        assert!(refused.stderr.contains(&named), "{}", refused.stderr);
        assert!(
            !refused.stderr.contains("Input/output error"),
            "{}",
            refused.stderr
        );
    }
}

#[test]
fn a_number_that_no_user_can_have_is_refused_and_never_root() {
    let host = host!();
    let ve = host.ve("web1").start();
    // To the kernel's calls the last number means "leave it as it is".
    for user in [
        "4294967295",
        "4294967295:0",
        "0:4294967295",
        "65536",
        "4294967296",
    ] {
        let refused = ve.exec_with(["-u", user], ["id"]);
        assert_eq!(
            (refused.status, refused.stdout.as_str()),
            (125, ""),
            "{user}"
        );
    }
}

#[test]
fn a_program_runs_where_it_is_told_to() {
    let host = host!();
    let ve = host.ve("web1").start();
    assert_eq!(ve.exec_with(["-w", "/var"], ["pwd"]).ok().line(), "/var");
    let refused = ve.exec_with(["-w", "/etc/passwd"], ["pwd"]);
    let line = "veld: web1: cannot exec: cannot enter directory /etc/passwd of the VE: Not a directory (os error 20)";
    refused.fails(125, line);
    // A user whose home is not there starts at the root, as at a login.
    ve.exec(["rm", "-r", "/home/alice"]).done();
    assert_eq!(ve.exec_with(["-u", "alice"], ["pwd"]).ok().line(), "/");
}

#[test]
fn nothing_of_the_callers_environment_comes_in() {
    let host = host!();
    let ve = host.ve("web1").start();
    let inside = ve
        .exec_cmd([""; 0], ["env"])
        .env("SECRET", "yes")
        .env("LANG", "de_DE")
        .run();
    let mut names: Vec<&str> = inside
        .lines()
        .filter_map(|line| line.split('=').next())
        .collect();
    names.sort_unstable();
    assert_eq!(
        names,
        ["HOME", "LOGNAME", "PATH", "SHELL", "USER", "container"]
    );
    let path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    assert!(inside.lines().any(|line| line == path), "{}", inside.stdout);
}

#[test]
fn variables_that_are_asked_for_come_in_and_go_before_others() {
    let host = host!();
    let ve = host.ve("web1").start();
    let asked = [
        "-u",
        "alice",
        "-e",
        "A=1=2",
        "-e",
        "EMPTY=",
        "--env",
        "HOME=/tmp",
    ];
    let inside = ve.exec_with(asked, ["env"]).ok();
    for line in [
        "A=1=2",
        "EMPTY=",
        "HOME=/tmp",
        "USER=alice",
        "LOGNAME=alice",
        "SHELL=/bin/sh",
    ] {
        assert!(
            inside.lines().any(|other| other == line),
            "no {line} in {}",
            inside.stdout
        );
    }
    assert_eq!(
        inside
            .lines()
            .filter(|line| line.starts_with("HOME="))
            .count(),
        1
    );
}

#[test]
fn enter_is_a_login_shell_on_a_terminal() {
    let host = host!();
    host.ve("web1").start();
    let mut shell = host.terminal(["enter", "web1"]);
    // What root's .profile sets: only a login shell reads it.
    shell.shows("inside# ");
    shell.type_in("echo $0 at $(tty); exit 3\n");
    let (status, shown) = shell.ended();
    assert_eq!(status, 3, "{shown}");
    assert!(shown.contains("-sh at /dev/pts/"), "{shown}");
    let mut shell = host.terminal(["enter", "-u", "alice", "web1"]);
    shell.type_in("id -un; pwd; exit\n");
    let (status, shown) = shell.ended();
    assert_eq!(status, 0, "{shown}");
    assert!(shown.contains("alice\r\n/home/alice\r\n"), "{shown}");
}
