//! Programs on pipes.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::session::{OnTerminal, on_pipes, signal};

fn script(text: &str) -> [&str; 4] {
    ["pump", "/bin/sh", "-c", text]
}

#[test]
fn input_output_and_errors_keep_apart_and_input_ends() {
    let mut user = on_pipes(&script("cat; echo oops >&2"));
    user.stdin.take().unwrap().write_all(b"one\0two").unwrap();
    let ended = user.wait_with_output().unwrap();
    assert_eq!(ended.stdout, b"one\0two");
    assert_eq!(ended.stderr, b"oops\nProgramEnded\n");
}

#[test]
fn more_than_all_pipes_hold_passes_through() {
    let mut user = on_pipes(&["pump", "/bin/cat"]);
    let mut stdin = user.stdin.take().unwrap();
    let text: Vec<u8> = (0..3_000_000u32).map(|n| n.to_le_bytes()[0]).collect();
    let sent = text.clone();
    let writer = std::thread::spawn(move || stdin.write_all(&sent).unwrap());
    let ended = user.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(ended.stdout == text);
}

#[test]
fn a_child_in_the_background_is_not_waited_for() {
    let began = Instant::now();
    let mut user = on_pipes(&script("sleep 100 & echo $!; exit 3"));
    let mut line = Vec::new();
    user.stdout.take().unwrap().read_to_end(&mut line).unwrap();
    user.wait().unwrap();
    assert!(began.elapsed() < Duration::from_secs(50));
    let sleeper = String::from_utf8(line).unwrap();
    signal(sleeper.trim().parse().unwrap(), Signal::KILL);
}

#[test]
fn a_reader_that_takes_its_time_gets_all_after_the_end() {
    let mut user = on_pipes(&script("seq 20000"));
    std::thread::sleep(Duration::from_millis(500));
    let mut text = String::new();
    user.stdout
        .take()
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    assert!(text.ends_with("\n20000\n"));
    assert_eq!(text.lines().count(), 20000);
    user.wait().unwrap();
}

#[test]
fn a_program_whose_output_nobody_reads_learns_of_it() {
    let mut user = on_pipes(&["pump", "/usr/bin/yes"]);
    drop(user.stdout.take());
    assert_eq!(user.wait_with_output().unwrap().stderr, b"ProgramEnded\n");
}

#[test]
fn a_terminal_stays_as_it_is_and_control_c_is_ours() {
    let mut user = OnTerminal::start(&script("cat"));
    user.type_in(b"hello\n");
    assert_eq!(user.shown("hello\r\nhello\r\n"), "hello\r\nhello\r\n");
    assert!(!user.is_raw());
    user.type_in(b"\x03");
    assert_eq!(user.ended().0, "Signal(2)");
}

#[test]
fn an_ignored_signal_stays_ignored() {
    let mut user = std::process::Command::new("/bin/sh")
        .args(["-c", "trap '' HUP; exec \"$0\" \"$@\""])
        .arg(crate::session::program())
        .args(script("echo up; read line; echo $line"))
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut up = [0; 3];
    user.stdout.as_mut().unwrap().read_exact(&mut up).unwrap();
    signal(user.id(), Signal::HUP);
    user.stdin.take().unwrap().write_all(b"on\n").unwrap();
    let ended = user.wait_with_output().unwrap();
    assert_eq!(ended.stdout, b"on\n");
    assert_eq!(ended.stderr, b"ProgramEnded\n");
}
