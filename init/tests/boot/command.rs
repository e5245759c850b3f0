//! Programs and directories that somebody named instead of an init.

use nix::sys::signal::Signal;
use veld_protocol::ending::Ending;
use veld_protocol::init::{SIGNAL_POWER_OFF, SIGNAL_REBOOT};

use crate::skip_unless_possible;
use crate::ve::{Root, until};

#[test]
fn a_ve_ends_as_the_program_that_it_runs() {
    skip_unless_possible!();
    for (script, ending) in [
        ("exit 42", Ending::Exited(42)),
        ("exit 0", Ending::PowerOff),
        ("kill -KILL $$", Ending::Exited(137)),
    ] {
        let root = Root::busybox("::once:/bin/touch /log/inittab\n");
        root.script(
            "app",
            &format!("echo $$ $* > /log/app; (sleep 1000 &); {script}"),
        );
        let mut ve = root.boot(&["--init", "/app a b"]);
        assert_eq!(ve.message(), "X_VELD_INIT=none supervise 38");
        assert_eq!(ve.end(), ending, "{script}");
        let app = ve.read("log/app");
        assert!(app.ends_with(" a b\n") && !app.starts_with("1 "), "{app}");
        assert!(!ve.root().path("log/inittab").exists());
    }
}

#[test]
fn signals_reach_the_program_and_a_stop_lets_it_finish() {
    skip_unless_possible!();
    let root = Root::bare();
    root.script(
        "app",
        "trap 'echo hup >> /log/app' HUP; trap 'echo usr1 >> /log/app' USR1\n\
         trap 'sleep 0.3; echo term >> /log/app; exit 3' TERM\n\
         echo up >> /log/app; while :; do sleep 0.05; done",
    );
    let mut ve = root.boot(&["--init", "/app"]);
    ve.ready();
    let has = |ve: &crate::ve::Ve, word: &str| {
        until(word, || ve.read("log/app").lines().any(|line| line == word));
    };
    has(&ve, "up");
    ve.signal(Signal::SIGHUP as i32);
    has(&ve, "hup");
    ve.signal(Signal::SIGUSR1 as i32);
    has(&ve, "usr1");
    ve.signal(SIGNAL_POWER_OFF);
    assert_eq!(ve.end(), Ending::PowerOff, "asked for by the host");
    assert_eq!(ve.read("log/app"), "up\nhup\nusr1\nterm\n");
}

#[test]
fn a_reboot_that_the_host_asks_for_is_one_whatever_the_program_ends_with() {
    skip_unless_possible!();
    let root = Root::bare();
    root.script("app", "trap 'exit 3' TERM; while :; do sleep 0.05; done");
    let mut ve = root.boot(&["--init", "/app"]);
    ve.ready();
    ve.signal(SIGNAL_REBOOT);
    assert_eq!(ve.end(), Ending::Reboot);
}

/// runit's stages; what stands for runsvdir has its name.
fn runit() -> Root {
    let root = Root::bare();
    root.file("sbin/runit-init", "");
    std::os::unix::fs::symlink("runit-init", root.path("sbin/init")).expect("link init");
    root.script(
        "etc/runit/1",
        "echo one >> /log/stages; : > /run/runit.stopit; : > /run/runit.reboot",
    );
    root.script(
        "etc/runit/2",
        "echo two >> /log/stages; sleep 0.3; exec /bin/runsvdir",
    );
    root.script(
        "etc/runit/3",
        "[ -x /run/runit.reboot ] && echo again >> /log/stages; echo three >> /log/stages",
    );
    root.script(
        "bin/runsvdir",
        "trap 'exit 0' TERM; while :; do sleep 0.05; done",
    );
    root
}

#[test]
fn the_stages_of_runit_are_run_and_a_stop_is_a_reboot_where_it_says_so() {
    skip_unless_possible!();
    for (reboots, by_host) in [(false, false), (true, false), (false, true), (true, true)] {
        let root = runit();
        let mut ve = root.boot(&[]);
        ve.ready();
        assert_eq!(ve.read("log/stages"), "one\ntwo\n");
        match (by_host, reboots) {
            (true, true) => ve.signal(SIGNAL_REBOOT),
            (true, false) => ve.signal(SIGNAL_POWER_OFF),
            (false, _) => {
                let reboot = if reboots { "/run/runit.reboot" } else { "" };
                ve.enter(&format!(
                    "chmod 100 /run/runit.stopit {reboot}; kill -CONT 1"
                ));
            }
        }
        let (ending, last) = if reboots {
            (Ending::Reboot, "again\nthree\n")
        } else {
            (Ending::PowerOff, "three\n")
        };
        assert_eq!(ve.end(), ending, "by the host: {by_host}");
        assert_eq!(ve.read("log/stages"), format!("one\ntwo\n{last}"));
    }
}

#[test]
fn a_program_that_is_missing_ends_the_ve_as_a_shell_would() {
    skip_unless_possible!();
    let mut ve = Root::bare().boot(&["--init", "/no/app"]);
    assert_eq!(ve.end(), Ending::Exited(127));
    ve.says("veld-init: cannot start /no/app (init): No such file or directory (os error 2)\n");
}

#[test]
fn a_directory_of_services_is_kept_running() {
    skip_unless_possible!();
    let root = Root::bare();
    root.script("srv/a", "echo a >> /log/services; exec sleep 1000");
    root.script("srv/b/run", "echo b >> /log/services; sleep 0.1");
    root.script("srv/.off", "echo off >> /log/services");
    root.file("srv/readme", "");
    let mut ve = root.boot(&["--init", "/srv"]);
    ve.ready();
    let count = |ve: &crate::ve::Ve, word: &str| {
        ve.read("log/services")
            .lines()
            .filter(|line| *line == word)
            .count()
    };
    until("one runs and the other is started again", || {
        count(&ve, "a") == 1 && count(&ve, "b") >= 2
    });
    assert_eq!(count(&ve, "off"), 0);
    ve.tells("X_VELD_FAILED=b");
    ve.signal(SIGNAL_POWER_OFF);
    assert_eq!(ve.end(), Ending::PowerOff);
}

#[test]
fn a_server_of_ssh_without_keys_gets_its_own_once() {
    skip_unless_possible!();
    let keygen = "echo $* >> /log/keygen; touch /etc/ssh/ssh_host_ed25519_key";
    for (file, wanted) in [
        ("etc/ssh/sshd_config", "-A\n"),
        ("etc/ssh/ssh_host_rsa_key", ""),
        ("etc/ssh/ssh_config", ""),
    ] {
        let root = Root::bare();
        root.script("usr/bin/ssh-keygen", keygen);
        root.file(file, "");
        if wanted.is_empty() && file.ends_with("_key") {
            root.file("etc/ssh/sshd_config", "");
        }
        let ve = root.boot(&[]);
        ve.ready();
        assert_eq!(ve.read("log/keygen"), wanted, "{file}");
    }
    let root = Root::bare();
    root.script("usr/bin/ssh-keygen", "exit 1");
    root.file("etc/ssh/sshd_config", "");
    let ve = root.boot(&[]);
    ve.ready();
    ve.says("veld-init: /usr/bin/ssh-keygen -A (ssh host keys) ended with status 1\n");

    let root = Root::bare();
    root.script("usr/bin/ssh-keygen", "sleep 1000");
    root.file("etc/ssh/sshd_config", "");
    let mut ve = root.boot(&[]);
    ve.tells("STATUS=Running /usr/bin/ssh-keygen -A");
    ve.signal(SIGNAL_POWER_OFF);
    assert_eq!(
        ve.end(),
        Ending::PowerOff,
        "one that never ends is not waited for"
    );
}
