//! How a supervised VE ends.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use veld_protocol::ending::Ending;
use veld_protocol::init::{SIGNAL_HALT, SIGNAL_POWER_OFF, SIGNAL_REBOOT};

use crate::skip_unless_possible;
use crate::ve::{Root, until};

/// A service that ends on SIGTERM and says so, and a shutdown action.
const INITTAB: &str = "::once:/service\n::shutdown:/bin/sh -c \"echo shutdown >> /log/order\"\n";

fn root() -> Root {
    let root = Root::busybox(INITTAB);
    root.script(
        "service",
        "trap 'echo service >> /log/order; exit' TERM; touch /log/up\n\
         while :; do sleep 0.05; done",
    );
    root
}

#[test]
fn each_signal_stops_services_in_order_and_ends_the_right_way() {
    skip_unless_possible!();
    let table = [
        (SIGNAL_HALT, Ending::PowerOff),
        (SIGNAL_POWER_OFF, Ending::PowerOff),
        (SIGNAL_REBOOT, Ending::Reboot),
        (Signal::SIGUSR1 as i32, Ending::PowerOff),
        (Signal::SIGUSR2 as i32, Ending::PowerOff),
        (Signal::SIGTERM as i32, Ending::Reboot),
        (Signal::SIGPWR as i32, Ending::PowerOff),
    ];
    for (signal, ending) in table {
        let mut ve = root().boot(&[]);
        ve.ready();
        until("the service is up", || ve.root().path("log/up").exists());
        ve.signal(signal);
        assert_eq!(ve.message(), "STOPPING=1\nSTATUS=Stopping services");
        assert_eq!(ve.end(), ending, "signal {signal}");
        assert_eq!(
            ve.read("log/order"),
            "shutdown\nservice\n",
            "signal {signal}"
        );
    }
}

#[test]
fn the_distributions_own_commands_end_the_ve() {
    skip_unless_possible!();
    let table = [
        ("halt", Ending::PowerOff),
        ("poweroff", Ending::PowerOff),
        ("reboot", Ending::Reboot),
        ("poweroff -f", Ending::PowerOff),
        ("reboot -f", Ending::Reboot),
        ("kill -INT 1", Ending::Reboot),
    ];
    for (command, ending) in table {
        let root = Root::busybox("::ctrlaltdel:/bin/reboot\n");
        let mut ve = root.boot(&[]);
        ve.ready();
        ve.enter(command);
        assert_eq!(ve.end(), ending, "{command}");
    }
}

#[test]
fn without_an_inittab_the_default_shutdown_ends_too() {
    skip_unless_possible!();
    let root = Root::bare();
    std::os::unix::fs::symlink("/bin/busybox", root.path("sbin/init")).unwrap();
    let mut ve = root.boot(&[]);
    ve.ready();
    ve.signal(SIGNAL_POWER_OFF);
    assert_eq!(ve.end(), Ending::PowerOff);
}

#[test]
fn a_process_that_does_not_end_is_killed() {
    skip_unless_possible!();
    let root = Root::busybox("::once:/stubborn\n");
    root.script(
        "stubborn",
        "trap '' TERM; touch /log/up; while :; do sleep 1; done",
    );
    let mut ve = root.boot(&[]);
    ve.ready();
    until("it is up", || ve.root().path("log/up").exists());
    let start = Instant::now();
    ve.signal(SIGNAL_POWER_OFF);
    ve.says("veld-init: processes did not end within 5 s of SIGTERM: killing them\n");
    assert_eq!(ve.end(), Ending::PowerOff);
    assert!(start.elapsed() >= Duration::from_secs(5));
}

#[test]
fn a_stop_while_booting_does_not_wait_for_the_boot() {
    skip_unless_possible!();
    let root = Root::busybox("::sysinit:/bin/sleep 1000\n::wait:/bin/touch /log/wait\n");
    let mut ve = root.boot(&[]);
    ve.tells("STATUS=Running /bin/sleep 1000");
    ve.signal(SIGNAL_POWER_OFF);
    assert_eq!(ve.end(), Ending::PowerOff);
    assert!(!ve.root().path("log/wait").exists());
}

#[test]
fn a_stop_turns_a_reboot_under_way_into_a_stop() {
    skip_unless_possible!();
    let root = Root::busybox("::shutdown:/bin/sleep 1\n");
    let mut ve = root.boot(&[]);
    ve.ready();
    ve.enter("reboot");
    assert!(ve.message().starts_with("STOPPING=1\n"));
    ve.signal(SIGNAL_POWER_OFF);
    assert_eq!(ve.end(), Ending::PowerOff);
}

#[test]
fn a_restart_of_the_init_is_a_new_boot_in_the_same_namespaces() {
    skip_unless_possible!();
    let root = Root::busybox(&format!("{INITTAB}::restart:/sbin/init\n"));
    root.script("service", "echo up >> /log/order; exec sleep 1000");
    let mut ve = root.boot(&[]);
    ve.ready();
    let pid1 = ve.pid1();
    until("the service is up", || ve.read("log/order") == "up\n");
    ve.enter("kill -QUIT 1");
    ve.ready();
    until("the service is up again", || {
        ve.read("log/order") == "up\nshutdown\nup\n"
    });
    assert_eq!(ve.pid1(), pid1);
    ve.signal(SIGNAL_POWER_OFF);
    assert_eq!(ve.end(), Ending::PowerOff);
}

#[test]
fn a_restart_into_another_program_makes_it_pid_1() {
    skip_unless_possible!();
    let root = Root::busybox("::once:/bin/sleep 1000\n::restart:/other now\n");
    root.script(
        "other",
        "echo $$ $1 > /log/other; ls /proc > /log/proc; exit 42",
    );
    let mut ve = root.boot(&[]);
    ve.ready();
    ve.enter("kill -QUIT 1");
    assert_eq!(ve.end(), Ending::Exited(42));
    assert_eq!(ve.read("log/other"), "1 now\n");
}
