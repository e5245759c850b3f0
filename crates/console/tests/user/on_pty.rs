//! Programs on a pty of their own.

use std::io::Write;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::session::{OnTerminal, on_pipes, signal, ticks, until};

fn script(text: &str) -> [&str; 4] {
    ["relay", "/bin/sh", "-c", text]
}

#[test]
fn the_program_has_the_users_window_and_keys() {
    let mut user = OnTerminal::start(&script(
        "trap 'echo interrupted' INT; stty size; while :; do read line && break; done
         echo \"got $line\"; stty size",
    ));
    user.shown("30 100\r\n");
    user.type_until(b"\x03", "interrupted");
    user.resize(90, 20);
    // The pty's own size is what is asked for, so it must have got there.
    std::thread::sleep(Duration::from_millis(100));
    user.type_in(b"hello\r");
    let (why, shown) = user.ended();
    assert_eq!(why, "ProgramEnded");
    assert!(shown.contains("got hello\r\n20 90\r\n"), "{shown:?}");
}

#[test]
fn a_large_paste_passes_through_a_program_that_echoes_it() {
    let mut user = OnTerminal::start(&script(
        "stty raw -echo; echo BEGIN; head -c 1000000; echo END",
    ));
    user.shown("BEGIN");
    let mut typing = user.master.try_clone().unwrap();
    let paste = std::thread::spawn(move || typing.write_all(&[b'x'; 1_000_000]).unwrap());
    let (why, shown) = user.ended();
    paste.join().unwrap();
    assert_eq!(why, "ProgramEnded");
    assert_eq!(shown.matches('x').count(), 1_000_000);
    assert!(shown.ends_with("END\n"));
}

#[test]
fn output_is_whole_and_a_child_in_the_background_is_not_waited_for() {
    let began = Instant::now();
    let user = OnTerminal::start(&script("sleep 100 & seq 20000; kill -0 $! && echo $!"));
    let (why, shown) = user.ended();
    assert_eq!(why, "ProgramEnded");
    assert!(began.elapsed() < Duration::from_secs(50));
    let (_, sleeper) = shown.trim_end().rsplit_once("20000\r\n").unwrap();
    signal(sleeper.parse().unwrap(), Signal::KILL);
}

#[test]
fn a_child_that_writes_without_end_does_not_hold_it_up() {
    let user = OnTerminal::start(&script("trap '' HUP; yes & echo pid $!; sleep 0.3"));
    let (why, shown) = user.ended();
    assert_eq!(why, "ProgramEnded");
    let pid = shown.split_once("pid ").unwrap().1;
    let pid = pid.split_once('\r').unwrap().0.parse().unwrap();
    // Its terminal is gone, so it has ended by itself, or is about to.
    let _ = std::panic::catch_unwind(|| signal(pid, Signal::KILL));
}

#[test]
fn the_end_of_a_pipe_is_the_end_of_the_programs_input() {
    for (text, shown) in [
        (&b"one\n"[..], "one\r\none\r\n"),
        (b"one", "oneone"),
        (b"", ""),
    ] {
        let mut user = on_pipes(&["relay", "/bin/cat"]);
        user.stdin.take().unwrap().write_all(text).unwrap();
        let ended = user.wait_with_output().unwrap();
        assert_eq!(String::from_utf8(ended.stdout).unwrap(), shown);
        assert_eq!(ended.stderr, b"ProgramEnded\n");
    }
}

#[test]
fn output_that_nobody_reads_is_no_reason_to_stay() {
    let mut user = on_pipes(&["relay", "/usr/bin/yes"]);
    drop(user.stdout.take());
    assert_eq!(user.wait_with_output().unwrap().stderr, b"OutputGone\n");
}

#[test]
fn a_program_that_closes_its_terminal_is_waited_for_without_spinning() {
    let mut user = on_pipes(&script("exec <&- >&- 2>&-; sleep 1"));
    std::thread::sleep(Duration::from_millis(300));
    let before = ticks(user.id());
    std::thread::sleep(Duration::from_millis(500));
    assert!(ticks(user.id()) <= before + 1);
    drop(user.stdin.take());
    assert_eq!(user.wait_with_output().unwrap().stderr, b"ProgramEnded\n");
}

#[test]
fn a_terminal_that_nobody_looks_at_does_not_keep_a_signal_out() {
    let user = OnTerminal::start(&["relay", "/usr/bin/yes"]);
    until("it is raw", || user.is_raw());
    // By then the terminal, the queue and the pty are full.
    std::thread::sleep(Duration::from_millis(500));
    let before = ticks(user.pid());
    std::thread::sleep(Duration::from_millis(300));
    assert!(ticks(user.pid()) <= before + 1, "it waits");
    signal(user.pid(), Signal::TERM);
    assert_eq!(user.ended_unseen(), "Signal(15)");
}

#[test]
fn a_stop_and_a_continue_make_the_terminal_raw_again() {
    let mut user = OnTerminal::start(&script("echo BEGIN; read line; echo \"got $line\""));
    user.shown("BEGIN");
    let raw = user.settings();
    signal(user.pid(), Signal::STOP);
    let mut cooked = raw.clone();
    cooked.local_modes |= rustix::termios::LocalModes::ICANON;
    let now = rustix::termios::OptionalActions::Now;
    rustix::termios::tcsetattr(&user.master, now, &cooked).unwrap();
    assert!(!user.is_raw());
    signal(user.pid(), Signal::CONT);
    until("it is raw", || user.is_raw());
    user.type_in(b"x\r");
    assert_eq!(user.ended().0, "ProgramEnded");
}
