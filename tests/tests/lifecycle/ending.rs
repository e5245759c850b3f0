//! A VE that ends by itself: who says so, and what follows.

use veld_tests::{alive, eventually, host, signal, until};

use rustix::process::Signal;

#[test]
fn a_reboot_from_inside_is_a_new_boot_under_the_same_shim() {
    let host = host!();
    let ve = host.ve("web1").start();
    let (shim, init, boot) = (ve.shim_pid(), ve.init_pid(), boot_id(&ve));
    asks_to(&ve, "reboot");
    until("another PID 1 is up", || {
        let shown = ve.show();
        shown["status"] == "up" && shown["init_pid"] != init
    });
    assert_eq!(ve.shim_pid(), shim);
    assert_ne!(boot_id(&ve), boot);
    assert_eq!(ve.exec(["hostname"]).ok().line(), "web1");
    ve.stop();
    host.nothing_remains();
}

#[test]
fn a_ve_reboots_again_and_again() {
    let host = host!();
    let ve = host.ve("web1").start();
    let shim = ve.shim_pid();
    for _ in 0..5 {
        let init = ve.init_pid();
        asks_to(&ve, "reboot");
        until("another PID 1 is up", || {
            let shown = ve.show();
            shown["status"] == "up" && shown["init_pid"] != init
        });
    }
    assert_eq!(ve.shim_pid(), shim);
    let groups = ve.group().present().len();
    assert!(groups > 0);
    ve.stop();
    host.nothing_remains();
}

#[test]
fn power_off_and_halt_from_inside_stop_it_and_leave_nothing() {
    let host = host!();
    let ve = host.ve("web1").create();
    for word in ["poweroff", "halt"] {
        ve.start();
        asks_to(&ve, word);
        ve.becomes("stopped");
        assert_eq!(ve.last_end(), "was powered off from inside", "{word}");
        host.nothing_remains();
    }
}

#[test]
fn reboot_by_the_system_call_is_a_reboot() {
    let host = host!();
    let ve = host.ve("web1").start();
    let init = ve.init_pid();
    // Without the init's help.
    let _ = ve.exec(["reboot", "-f"]);
    until("another PID 1 is up", || {
        let shown = ve.show();
        shown["status"] == "up" && shown["init_pid"] != init
    });
    let _ = ve.exec(["poweroff", "-f"]);
    ve.becomes("stopped");
    assert_eq!(ve.last_end(), "was powered off from inside");
}

#[test]
fn a_killed_pid_1_is_recorded() {
    let host = host!();
    let ve = host.ve("web1").start();
    signal(ve.init_pid(), Signal::KILL);
    ve.becomes("stopped");
    assert_eq!(ve.last_end(), "its PID 1 was killed by signal 9");
    host.nothing_remains();
    ve.start();
    assert_eq!(ve.status(), "up");
}

#[test]
fn a_ve_that_lost_its_shim_goes_on_and_is_told_so() {
    let host = host!();
    let ve = host.ve("web1").start();
    let (init, shim) = (ve.init_pid(), ve.shim_pid());
    signal(shim, Signal::KILL);
    until("the shim is gone", || !alive(shim));
    let listed = host.veld(["list", "-o", "name,status"]).ok().stdout;
    assert_eq!(listed.lines().last(), Some("web1  up, no shim"));
    assert_eq!(ve.show()["watched"], false);
    assert_eq!(ve.init_pid(), init);
    assert_eq!(ve.exec(["hostname"]).ok().line(), "web1");
    // A console that hung up must not keep the VE's writers waiting.
    ve.sh("echo a line for nobody >/dev/console || true").ok();
    let gone = "veld: web1: has no console: its shim is gone; restart the VE to get one";
    ve.veld("console", [""; 0]).fails(1, gone);
    ve.veld("start", [""; 0])
        .fails(1, "veld: web1: is already running");
    ve.stop();
    assert!(!alive(init));
    host.nothing_remains();
    ve.start();
    assert_eq!(ve.show()["watched"], true);
}

#[test]
fn a_ve_that_lost_its_shim_and_then_ended_is_swept_by_the_next_start() {
    let host = host!();
    let ve = host.ve("web1").start();
    signal(ve.shim_pid(), Signal::KILL);
    signal(ve.init_pid(), Signal::KILL);
    ve.becomes("stopped");
    ve.start();
    assert_eq!(ve.exec(["hostname"]).ok().line(), "web1");
    ve.stop();
    host.nothing_remains();
}

#[test]
fn a_reboot_that_cannot_come_up_again_says_why() {
    let host = host!();
    let ve = host.ve("web1").start();
    let config = std::fs::read_to_string(ve.config()).unwrap();
    let broken = config.replace("version = 1", "version = 1\ncolour = \"red\"");
    std::fs::write(ve.config(), broken).unwrap();
    asks_to(&ve, "reboot");
    ve.becomes("stopped");
    let why = eventually("why it did not start again", || {
        let shown = ve.show();
        Some(shown["start_error"].as_str()?.to_owned())
    });
    assert!(why.contains("unknown key colour"), "{why}");
    std::fs::write(ve.config(), config).unwrap();
    host.nothing_remains();
}

fn boot_id(ve: &veld_tests::Ve<'_>) -> String {
    ve.exec(["cat", "/proc/sys/kernel/random/boot_id"])
        .ok()
        .line()
        .to_owned()
}

/// Runs a command that ends the VE. Its status is either its own or that of a
/// process that was ended with all others.
fn asks_to(ve: &veld_tests::Ve<'_>, word: &str) {
    let asked = ve.exec([word]);
    assert!([0, 143, 137].contains(&asked.status), "{asked:?}");
}
