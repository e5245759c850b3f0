//! PID 1 ends, in every way it can, and somebody goes on from there.

use rustix::process::Signal;
use veld_protocol::ending::{Ended, Ending};
use veld_protocol::shim::{CONSOLE_LOG, ENDED};
use veld_protocol::stamp::Stamp;
use veld_protocol::stopper::Stopper;

use crate::boot::{
    Boot, boot, kill, launcher, read_all, script, script_in_namespace, until, word_of,
};

fn ending(boot: &mut Boot) -> Ending {
    assert!(boot.ended().success());
    let ended: Ended = boot.text(ENDED).parse().unwrap();
    assert!(ended.at <= Stamp::now());
    ended.ending
}

#[test]
fn a_status_is_recorded() {
    let Some(mut boot) = script("exit 3") else {
        return;
    };
    assert_eq!(ending(&mut boot), Ending::Exited(3));
}

#[test]
fn a_kill_is_recorded() {
    let Some(mut boot) = script_in_namespace("sleep 1000") else {
        return;
    };
    kill(boot.init_pid(), Signal::KILL);
    assert_eq!(ending(&mut boot), Ending::Killed(9));
}

#[test]
fn reboot_and_poweroff_from_inside_are_told_apart() {
    for (call, expected) in [("reboot", Ending::Reboot), ("poweroff", Ending::PowerOff)] {
        let program = launcher();
        let program = program.to_str().unwrap();
        let Some(mut boot) = boot(&["--namespace"], &[program, call]) else {
            return;
        };
        assert_eq!(ending(&mut boot), expected);
    }
}

#[test]
fn the_hosts_sigint_and_sighup_are_no_reboot() {
    let Some(mut boot) = script_in_namespace("echo BEGIN; exec sleep 1000") else {
        return;
    };
    boot.until_log_has("BEGIN");
    let init = boot.init_pid();
    let comm = || std::fs::read_to_string(format!("/proc/{init}/comm")).unwrap();
    until("no handler is left", || comm() == "sleep\n");
    for signal in [Signal::INT, Signal::HUP, Signal::TERM] {
        kill(init, signal);
    }
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert_eq!(boot.init_pid(), init, "PID 1 does not feel them");
    kill(init, Signal::KILL);
    assert_eq!(ending(&mut boot), Ending::Killed(9));
}

#[test]
fn the_last_words_are_logged_and_shown_before_the_end_is_recorded() {
    let Some(mut boot) = script(
        "cd \"${NOTIFY_SOCKET%/*}\"; until [ -e go ]; do sleep 0.02; done; seq 3000; echo LAST",
    ) else {
        return;
    };
    let mut client = boot.attach();
    boot.touch("go");
    let seen = read_all(&mut client);
    assert!(seen.ends_with("3000\r\nLAST\r\n"));
    assert!(
        boot.path(ENDED).exists(),
        "recorded before clients are let go"
    );
    assert!(boot.text(CONSOLE_LOG).ends_with("3000\r\nLAST\r\n"));
    boot.ended();
}

#[test]
fn the_successor_is_executed_in_the_same_process_with_nothing_but_its_environment() {
    let Some(mut boot) = script("exit 0") else {
        return;
    };
    assert!(boot.ended().success());
    let name = boot.directory.path().file_name().unwrap().to_str().unwrap();
    let called = boot.text("called");
    let lines: Vec<&str> = called.lines().collect();
    let [arguments, pid, descriptors, ignored] = lines[..] else {
        panic!("{called}");
    };
    assert_eq!(arguments, format!("arguments after-end {name}"));
    assert_eq!(pid, format!("pid {}", boot.shim_pid()));
    assert_eq!(descriptors, "descriptors 0 1 2 54", "the network namespace");
    assert_eq!(ignored, "ignored 0", "of SIGHUP and SIGINT");
}

#[test]
fn a_command_at_work_is_left_to_it() {
    let Some(mut boot) = script("read line; exit 7") else {
        return;
    };
    boot.say_stopping(word_of(std::process::id()));
    crate::boot::type_in(&mut boot.attach(), b"\n");
    assert_eq!(ending(&mut boot), Ending::Exited(7));
    assert!(!boot.path("called").exists());
}

#[test]
fn a_command_that_died_at_work_is_not_waited_for() {
    let me = word_of(std::process::id());
    let dead = [
        // No process has the highest number there can be.
        Stopper {
            pid: 4_194_304,
            ..me
        },
        // A later process has its number.
        Stopper {
            born: me.born - 1,
            ..me
        },
    ];
    for stopper in dead {
        let Some(mut boot) = script("read line; exit 7") else {
            return;
        };
        boot.say_stopping(stopper);
        crate::boot::type_in(&mut boot.attach(), b"\n");
        assert_eq!(ending(&mut boot), Ending::Exited(7));
        assert!(boot.path("called").exists(), "{stopper}");
        assert!(!boot.text(ENDED).contains("asked"), "{stopper}");
    }
}

#[test]
fn a_successor_that_cannot_be_executed_is_noted_in_the_log() {
    let Some(mut boot) = script("read line") else {
        return;
    };
    let command = boot.path("veld");
    std::fs::remove_file(&command).unwrap();
    crate::boot::type_in(&mut boot.attach(), b"\n");
    assert_eq!(boot.ended().code(), Some(1));
    assert!(boot.path(ENDED).exists());
    let name = boot.directory.path().file_name().unwrap().to_str().unwrap();
    let note = format!(
        "veld-shim: cannot execute {} for veld after-end {name}: \
         No such file or directory (os error 2)\r\n",
        command.display()
    );
    assert!(
        boot.text(CONSOLE_LOG).ends_with(&note),
        "{}",
        boot.text(CONSOLE_LOG)
    );
}

#[test]
fn a_ve_outlives_its_shim_and_is_not_blocked_by_its_console() {
    // 100 kB are more than a pty holds: a write that could block would.
    let Some(mut boot) = script_in_namespace(
        "cd \"${NOTIFY_SOCKET%/*}\"; echo BEGIN; until [ -e go ]; do sleep 0.02; done
         head -c 100000 /dev/zero 2>errors; echo $? >status
         (: >/dev/tty) 2>/dev/null; echo $? >reopened; sleep 1000",
    ) else {
        return;
    };
    boot.until_log_has("BEGIN");
    let init = boot.init_pid();
    boot.kill_shim();
    boot.touch("go");
    until("PID 1 goes on", || !boot.file("reopened").is_empty());
    assert_ne!(boot.text("status"), "0\n", "its writes fail");
    assert!(boot.text("errors").contains("Input/output error"));
    kill(init, Signal::KILL);
}
