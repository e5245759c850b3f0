//! What is kept of the console.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use veld_tests::{host, until};

#[test]
fn what_the_console_showed_is_there_to_be_read() {
    let host = host!();
    let ve = host.ve("web1").start();
    // What rcS of the template says.
    let log = ve.veld("logs", [""; 0]).ok();
    assert!(
        log.lines().any(|line| line == "booted on /dev/console"),
        "{}",
        log.stdout
    );
    ve.sh("echo more >/dev/console").done();
    until("the log has it", || {
        ve.veld("logs", ["-n", "1"]).line() == "more"
    });
    ve.stop();
    assert!(ve.veld("logs", [""; 0]).ok().stdout.contains("booted on"));
    // The next run's log is its own.
    ve.start();
    assert!(!ve.veld("logs", [""; 0]).ok().stdout.contains("more"));
}

#[test]
fn the_last_lines_are_as_many_as_asked_for() {
    let host = host!();
    let ve = host.ve("web1").start();
    ve.sh("for i in 1 2 3 4 5; do echo line $i; done >/dev/console")
        .done();
    until("the log has them", || {
        ve.veld("logs", [""; 0]).stdout.contains("line 5")
    });
    assert_eq!(ve.veld("logs", ["-n", "2"]).ok().stdout, "line 4\nline 5\n");
    assert_eq!(ve.veld("logs", ["-n", "0"]).ok().stdout, "");
    let all = ve.veld("logs", ["-n", "1000"]).ok().stdout;
    assert_eq!(all, ve.veld("logs", [""; 0]).ok().stdout);
}

#[test]
fn a_log_that_is_followed_goes_on_until_the_ve_ends() {
    let host = host!();
    let ve = host.ve("web1").start();
    let mut follow = ve.cmd("logs", ["-f", "-n", "0"]);
    follow.inner().stdin(Stdio::null()).stdout(Stdio::piped());
    let mut follow = follow.spawn_as_it_is();
    let mut lines = BufReader::new(follow.child().stdout.take().unwrap()).lines();
    // Until it follows, what is written may be older than its beginning.
    std::thread::sleep(std::time::Duration::from_millis(300));
    for word in ["one", "two"] {
        ve.sh(&format!("echo {word} >/dev/console")).done();
        assert_eq!(lines.next().unwrap().unwrap(), word);
    }
    ve.stop();
    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    assert!(rest.len() < 10, "{rest:?}");
    assert_eq!(follow.output().status, 0);
}

#[test]
fn a_log_is_bounded_however_much_is_written() {
    let host = host!();
    let ve = host.ve("web1").start();
    ve.sh("yes 0123456789abcdef | head -n 230000 >/dev/console; echo the end >/dev/console")
        .ok();
    until("the log has it", || {
        ve.veld("logs", ["-n", "1"]).line() == "the end"
    });
    let size =
        |name: &str| fs::metadata(ve.run_directory().join(name)).map_or(0, |about| about.len());
    let (now, before) = (size("console.log"), size("console.log.1"));
    assert!(now + before > 256 << 10, "{now} {before}");
    assert!(now + before < 600 << 10, "{now} {before}");
    let shown = ve.veld("logs", [""; 0]).ok().stdout;
    assert!(
        shown.len() > 256 << 10 && shown.len() < 600 << 10,
        "{}",
        shown.len()
    );
}

#[test]
fn escapes_of_terminals_are_spelled_out_unless_asked_for_raw() {
    let host = host!();
    let ve = host.ve("web1").start();
    // A title, a clear screen, a bell, a byte that is no UTF-8.
    ve.sh("printf 'a\\033]0;title\\007b\\033[2Jc\\377d\\te\\n' >/dev/console")
        .done();
    until("the log has it", || {
        ve.veld("logs", [""; 0]).stdout.contains('e')
    });
    let shown = ve.veld("logs", ["-n", "1"]).ok().stdout;
    assert_eq!(shown, "a\\u{1b}]0;title\\u{7}b\\u{1b}[2Jc\u{fffd}d\te\n");
    let mut raw = ve.cmd("logs", ["-n", "1", "--raw"]);
    raw.inner().stdin(Stdio::null()).stdout(Stdio::piped());
    let mut raw = raw.spawn_as_it_is();
    let mut bytes = Vec::new();
    raw.child()
        .stdout
        .take()
        .unwrap()
        .read_to_end(&mut bytes)
        .unwrap();
    assert_eq!(bytes, b"a\x1b]0;title\x07b\x1b[2Jc\xffd\te\r\n");
    raw.output().ok();
}

#[test]
fn what_a_ve_says_of_itself_cannot_command_a_terminal() {
    let host = host!();
    let ve = host.ve("web1").start();
    ve.bring_probe();
    // Only PID 1 is heard; whoever else writes there changes nothing.
    ve.sh("printf 'STATUS=\\033[2Jevil\\n' | nc -w 1 -u local:/run/host/notify 2>/dev/null; true")
        .ok();
    let shown = ve.veld("show", [""; 0]).ok().stdout;
    assert!(!shown.contains('\u{1b}'), "{shown}");
}

#[test]
fn a_ve_that_never_ran_has_an_empty_log() {
    let host = host!();
    let ve = host.ve("web1").create();
    ve.veld("logs", [""; 0]).done();
    assert_eq!(ve.veld("logs", ["-f"]).ok().stdout, "");
}

#[test]
fn a_log_survives_the_loss_of_its_shim() {
    let host = host!();
    let ve = host.ve("web1").start();
    ve.sh("echo before >/dev/console").done();
    until("the log has it", || {
        ve.veld("logs", ["-n", "1"]).line() == "before"
    });
    veld_tests::signal(ve.shim_pid(), rustix::process::Signal::KILL);
    assert!(ve.veld("logs", [""; 0]).ok().stdout.contains("before"));
}
