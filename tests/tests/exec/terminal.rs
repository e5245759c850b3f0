//! A program on a terminal: one of the VE's, never the caller's.

use veld_tests::{Host, host, until};

#[test]
fn a_terminal_is_of_the_ves_own_devpts_and_as_large_as_the_callers() {
    let host = host!();
    let ve = host.ve("web1").start();
    ve.bring_probe();
    let (status, shown) = ve
        .terminal(["sh", "-c", "tty; stty size; /var/probe terminal"])
        .ended();
    assert_eq!(status, 0, "{shown}");
    let lines: Vec<&str> = shown.lines().collect();
    let [tty, size, probed, _ok] = lines.as_slice() else {
        panic!("{shown}");
    };
    assert!(tty.starts_with("/dev/pts/"), "{shown}");
    assert_eq!(*size, "30 100");
    assert_eq!(*probed, format!("{tty} 100x30"));
}

#[test]
fn a_terminal_follows_the_size_of_the_callers() {
    let host = host!();
    let ve = host.ve("web1").start();
    let mut shell = ve.terminal([
        "sh",
        "-c",
        "trap 'stty size' WINCH; echo ready; while :; do sleep 0.05; done",
    ]);
    shell.shows("ready");
    shell.resize(132, 50);
    shell.shows("50 132");
    shell.resize(80, 24);
    shell.shows("24 80");
}

#[test]
fn keys_reach_the_program_and_ctrl_c_interrupts_it_alone() {
    let host = host!();
    let ve = host.ve("web1").start();
    let mut shell = ve.terminal(["sh"]);
    shell.type_in("PS1='ready> '\n");
    shell.shows("ready> ");
    // The program speaks itself, so that it is in the foreground by then.
    shell.type_in("/bin/sh -c 'echo wait$((1 + 1)); exec /bin/sleep 1000'\n");
    shell.shows("wait2");
    shell.clear();
    shell.type_in("\u{3}");
    shell.shows("ready> ");
    shell.type_in("stty -a | grep -o 'intr = ^C'; echo $((6 * 7))\n");
    shell.shows("42");
    shell.type_in("\u{4}");
    let (status, _) = shell.ended();
    assert_eq!(status, 0);
}

#[test]
fn the_callers_terminal_is_raw_meanwhile_and_as_before_afterwards() {
    let host = host!();
    let ve = host.ve("web1").start();
    let mut cat = ve.terminal(["cat"]);
    assert!(cat_is_raw(&mut cat), "keys are not handed on one by one");
    cat.type_in("\u{4}");
    until("the terminal is as before", || !cat.is_raw());
    assert_eq!(cat.ended().0, 0);
    // Also where a signal ends the command.
    let mut cat = ve.terminal(["cat"]);
    assert!(cat_is_raw(&mut cat));
    veld_tests::signal(cat.pid(), rustix::process::Signal::TERM);
    until("the terminal is as before", || !cat.is_raw());
    // The signal and the hangup that comes with the end race for it.
    let (status, _) = cat.ended();
    assert!([129, 143].contains(&status), "{status}");
    assert_eq!(ve.exec(["pidof", "cat"]).status, 1, "the program was left");
}

fn cat_is_raw(cat: &mut veld_tests::Terminal) -> bool {
    until("the terminal is raw", || cat.is_raw());
    cat.type_in("echo\n");
    cat.shows("echo\r\necho\r\n").matches("echo\r\n").count() == 2
}

#[test]
fn on_pipes_there_is_no_terminal_for_the_program_to_open() {
    let host = host!();
    let ve = host.ve("web1").start();
    assert_eq!(ve.probe(["terminal"]).line(), "ENXIO");
    assert_eq!(ve.exec(["tty"]).line(), "not a tty");
}

#[test]
fn the_callers_terminal_is_never_the_programs() {
    let host: Host = host!();
    let ve = host.ve("web1").start();
    ve.bring_probe();
    // The caller has a controlling terminal here, and all streams are on it.
    let line = "/var/probe terminal; /var/probe descriptors";
    let (_, shown) = host
        .terminal(["exec", "-T", "web1", "--", "sh", "-c", line])
        .ended();
    assert!(shown.starts_with("ENXIO\r\n"), "{shown}");
    assert!(
        !shown.contains("/dev/pts") && !shown.contains("tty"),
        "{shown}"
    );
    assert_eq!(shown.matches("pipe:[").count(), 3, "{shown}");
}

#[test]
fn on_a_terminal_a_terminal_is_what_one_gets() {
    let host = host!();
    host.ve("web1").start();
    let (_, shown) = host.terminal(["exec", "web1", "--", "tty"]).ended();
    assert!(shown.starts_with("/dev/pts/"), "{shown}");
    let (_, shown) = host
        .terminal(["exec", "web1", "--", "sh", "-c", "echo $TERM"])
        .ended();
    assert_eq!(shown, "vt220\r\n");
}

#[test]
fn a_terminal_can_be_asked_for_without_having_one() {
    let host = host!();
    let ve = host.ve("web1").start();
    let said = ve
        .exec_cmd(["-t"], ["sh", "-c", "tty; cat"])
        .input(*b"typed\n")
        .run();
    assert_eq!(said.status, 0, "{}", said.stderr);
    assert!(said.stdout.contains("/dev/pts/"), "{}", said.stdout);
    assert!(said.stdout.ends_with("typed\r\n"), "{}", said.stdout);
}

#[test]
fn a_hangup_of_the_caller_hangs_up_on_the_program() {
    let host = host!();
    let ve = host.ve("web1").start();
    let mut cat = ve.terminal(["sh", "-c", "echo ready; cat"]);
    cat.shows("ready");
    veld_tests::signal(cat.pid(), rustix::process::Signal::KILL);
    until("nobody is left on the terminal", || {
        ve.exec(["pidof", "cat"]).status == 1
    });
}
