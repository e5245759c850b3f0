//! What a supervised VE runs, and what it does not.

use std::time::{Duration, Instant};

use veld_protocol::ending::Ending;
use veld_protocol::init::SIGNAL_POWER_OFF;

use crate::skip_unless_possible;
use crate::ve::{Root, until};

#[test]
fn the_inittab_is_carried_out_in_order_and_without_getty() {
    skip_unless_possible!();
    let root = Root::busybox(
        "# a comment\n\
         ::wait:/bin/sh -c \"echo wait >> /log/order\"\n\
         tty1::respawn:/sbin/getty 38400 tty1\n\
         ::askfirst:/bin/sh -c \"echo askfirst >> /log/getty\"\n\
         ::once:/bin/sh -c \"echo once >> /log/order; touch /log/once\"\n\
         ::sysinit:/etc/init.d/rcS\n\
         ::respawn:/bin/sleep 1000\n",
    );
    root.script("etc/init.d/rcS", "sleep 0.2; echo sysinit >> /log/order");
    root.script("sbin/getty", "echo getty >> /log/getty; sleep 1000");
    let ve = root.boot(&[]);
    assert_eq!(
        ve.ready(),
        [
            "STATUS=Running /etc/init.d/rcS",
            "STATUS=Running /bin/sh -c \"echo wait >> /log/order\"",
        ]
    );
    until("the once job ran", || ve.root().path("log/once").exists());
    assert_eq!(ve.read("log/order"), "sysinit\nwait\nonce\n");
    until("one service runs", || ve.enter("ps").contains("sleep 1000"));
    assert!(!ve.root().path("log/getty").exists());
    assert_eq!(ve.console(), "");
}

#[test]
fn nonsense_lines_are_named_and_the_others_go_on() {
    skip_unless_possible!();
    let root = Root::busybox(
        "::bogus:/bin/true\nnonsense\n::once:/bin/no-such\n::once:/bin/touch /log/once\n",
    );
    let ve = root.boot(&[]);
    ve.ready();
    until("the good line ran", || ve.root().path("log/once").exists());
    ve.says("veld-init: /etc/inittab:1: \"bogus\" is not an action\n");
    ve.says("veld-init: /etc/inittab:2: has 1 of the 4 fields id:runlevels:action:process\n");
    ve.says(
        "veld-init: cannot start /bin/no-such (/etc/inittab:3): \
         No such file or directory (os error 2)\n",
    );
}

#[test]
fn a_service_finds_a_clean_process_and_the_ves_environment() {
    skip_unless_possible!();
    let root = Root::busybox("::sysinit:/probe\n");
    root.script(
        "probe",
        "exec > /log/probe\n\
         grep -E '^Sig(Ign|Blk):' /proc/self/status\n\
         read pid comm state ppid pgrp sid rest < /proc/self/stat\n\
         [ $pid = $sid ] && echo leads its session\n\
         ls -l /proc/self/fd | grep -c console\n\
         cat /proc/1/comm /run/systemd/container\n\
         env",
    );
    let ve = root.boot(&[]);
    ve.ready();
    let probe = ve.read("log/probe");
    let lines: Vec<&str> = probe.lines().collect();
    assert_eq!(lines[0], "SigBlk:\t0000000000000000");
    assert_eq!(lines[1], "SigIgn:\t0000000000000000");
    // The last command is a child: what the shell itself leads shows there.
    assert_eq!(lines[2], "leads its session");
    assert_eq!(lines[3..6], ["2", "veld-init", "veld"]);
    assert!(lines.contains(&"container=veld") && lines.contains(&"USER=root"));
    assert!(!probe.contains("NOTIFY_SOCKET"));
}

#[test]
fn ten_thousand_orphans_are_reaped() {
    skip_unless_possible!();
    let root = Root::busybox("::once:/orphans\n");
    root.script(
        "orphans",
        "i=0; while [ $i -lt 10000 ]; do (true &); i=$((i+1)); done; touch /log/done\n\
         i=0; while [ $i -lt 500 ]; do sleep 1000 & i=$((i+1)); done\n\
         touch /log/sleeping; kill -9 $$",
    );
    let ve = root.boot(&[]);
    ve.ready();
    until("ten thousand were made", || {
        ve.root().path("log/done").exists()
    });
    until("a burst is prepared", || {
        ve.root().path("log/sleeping").exists()
    });
    until("its orphans are PID 1's", || ve.children() == 500);
    let start = Instant::now();
    // On a busy machine some have been forked and are not called sleep yet.
    until("no child is left", || {
        ve.enter("killall -9 sleep; true");
        ve.children() == 0
    });
    assert!(start.elapsed() < Duration::from_secs(10));
    let states = ve.enter("grep -h ^State: /proc/[0-9]*/status");
    assert!(
        states.contains("sleeping") && !states.contains("zombie"),
        "{states}"
    );
}

#[test]
fn a_service_that_ends_is_started_again_until_it_ends_too_often() {
    skip_unless_possible!();
    let root = Root::busybox("::respawn:/service\n::respawn:/bin/sleep 1000\n");
    root.script("service", "echo started >> /log/service");
    let ve = root.boot(&[]);
    ve.ready();
    ve.says("veld-init: /service (/etc/inittab:1) ended 5 times within 10 s: next start in 30 s\n");
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(ve.read("log/service").lines().count(), 5);
    assert_eq!(ve.children(), 1, "the other service is not touched");
}

#[test]
fn a_root_without_an_init_stays_up_until_told_to_stop() {
    skip_unless_possible!();
    let mut ve = Root::bare().boot(&[]);
    assert!(ve.ready().is_empty());
    assert_eq!(ve.children(), 0);
    assert_eq!(ve.enter("echo inside"), "inside\n");
    ve.signal(SIGNAL_POWER_OFF);
    assert_eq!(ve.message(), "STOPPING=1\nSTATUS=Stopping services");
    assert_eq!(ve.end(), Ending::PowerOff);
}

#[test]
fn without_an_inittab_busybox_defaults_hold() {
    skip_unless_possible!();
    let root = Root::bare();
    std::os::unix::fs::symlink("/bin/busybox", root.path("sbin/init")).unwrap();
    // No `#!`: the shell takes it all the same.
    root.script("etc/init.d/rcS", "");
    root.file("etc/init.d/rcS", "echo rcS > /log/order\n");
    let ve = root.boot(&[]);
    assert_eq!(ve.ready(), ["STATUS=Running /etc/init.d/rcS"]);
    assert_eq!(ve.read("log/order"), "rcS\n");
    assert_eq!(ve.children(), 0, "no shell waits on the console");
}

#[test]
fn a_changed_inittab_is_read_again() {
    skip_unless_possible!();
    let root = Root::busybox("::once:/bin/touch /log/once\n::respawn:/bin/sleep 1000\n");
    let ve = root.boot(&[]);
    ve.ready();
    until("the service runs", || ve.enter("ps").contains("sleep 1000"));
    let before = ve.enter("ps | grep 'sleep 1000' | grep -v grep");
    std::fs::remove_file(ve.root().path("log/once")).unwrap();
    ve.root().file(
        "etc/inittab",
        "::once:/bin/touch /log/once\n::respawn:/bin/sleep 2000\n::respawn:/bin/sleep 1000\n",
    );
    ve.enter("kill -HUP 1");
    until("the new service runs", || {
        ve.enter("ps").contains("sleep 2000")
    });
    assert_eq!(ve.enter("ps | grep 'sleep 1000' | grep -v grep"), before);
    assert!(!ve.root().path("log/once").exists());
}

#[test]
fn a_wanted_getty_is_one_and_on_the_console() {
    skip_unless_possible!();
    let root = Root::busybox(
        "tty1::respawn:/sbin/getty 38400 tty1\ntty2::respawn:/sbin/getty 38400 tty2\n",
    );
    root.script("sbin/getty", "echo getty on $2; sleep 1000");
    let ve = root.boot(&["--getty"]);
    ve.ready();
    ve.says("getty on console\n");
    assert_eq!(ve.children(), 1);
}

#[test]
fn a_login_shell_that_is_wanted_owns_the_console() {
    skip_unless_possible!();
    let root = Root::busybox("::respawn:-/bin/shell\n");
    root.script("bin/shell", "echo tty > /dev/tty && echo owned; sleep 1000");
    root.file("dev/tty", "");
    let ve = root.boot(&["--getty"]);
    ve.ready();
    ve.says("owned\n");
    let stat = ve.enter("cat /proc/[0-9]*/stat | grep '(shell)'");
    let terminal: i32 = stat.split(' ').nth(6).unwrap().parse().unwrap();
    assert_ne!(terminal, 0, "{stat}");
}

#[test]
fn a_console_that_nobody_reads_holds_up_nothing() {
    skip_unless_possible!();
    let nonsense = "nonsense that is told on the console\n".repeat(1000);
    let root = Root::busybox(&format!("{nonsense}::once:/bin/touch /log/once\n"));
    let ve = root.boot_unread(&[]);
    ve.ready();
    until("the good line ran", || ve.root().path("log/once").exists());
}
