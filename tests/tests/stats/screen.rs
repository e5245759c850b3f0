//! `veld top` on a terminal.

use std::time::Duration;

use rustix::process::Signal;
use veld_tests::{Terminal, host, signal, until};

/// What makes the terminal show what it showed before.
const GIVEN_BACK: &str = "\u{1b}[?1049l";

#[test]
fn a_ve_is_seen_its_processes_too_and_the_terminal_is_given_back() {
    let host = host!();
    let ve = host.ve("web1").start();
    // Arguments that would name the window of whoever prints them.
    ve.sh("sh -c 'sleep 1000; :' \"$(printf '\\033]0;owned\\007')\" </dev/null >/dev/null 2>&1 &")
        .done();
    let mut screen = host.terminal(["top"]);
    screen.shows("1 of 1 running VEs");
    screen.shows("web1");
    assert!(screen.is_raw());
    screen.type_in("\r");
    screen.shows("COMMAND");
    screen.shows("syslogd");
    let shown = screen.shows("owned");
    assert!(shown.contains("\\u{1b}]0;owned\\u{7}"), "{shown:?}");
    assert!(!shown.contains("\u{1b}]0;"), "{shown:?}");
    screen.clear();
    screen.type_in("\u{1b}");
    screen.shows("running VEs");
    screen.type_in("q");
    assert_eq!(ended(screen), 0);
}

#[test]
fn a_ve_that_ends_leaves_the_screen() {
    let host = host!();
    let ve = host.ve("web1").start();
    let mut screen = host.terminal(["top"]);
    screen.shows("1 of 1 running VEs");
    screen.type_in("\r");
    screen.shows("COMMAND");
    ve.stop();
    comes_to_show(&mut screen, "0 processes");
    ve.destroy();
    comes_to_show(&mut screen, "0 of 0 running VEs");
    // Ctrl-C.
    screen.type_in("\u{3}");
    assert_eq!(ended(screen), 0);
}

#[test]
fn a_signal_gives_the_terminal_back() {
    let host = host!();
    for (kind, number) in [(Signal::TERM, 15), (Signal::HUP, 1)] {
        let mut screen = host.terminal(["top"]);
        screen.shows("0 of 0 running VEs");
        signal(screen.pid(), kind);
        assert_eq!(ended(screen), 128 + number);
    }
}

#[test]
fn a_screen_too_small_says_so_and_none_at_all_is_refused() {
    let host = host!();
    let mut screen = host.terminal(["top"]);
    screen.shows("0 of 0 running VEs");
    screen.resize(30, 10);
    screen.shows("needs");
    comes_to_show(&mut screen, "0 of 0 running VEs");
    screen.type_in("q");
    assert_eq!(ended(screen), 0);
    let said = "veld: cannot take the whole screen of standard input and output: \
                Inappropriate ioctl for device (os error 25)";
    host.veld(["top"]).fails(1, said);
}

/// Looks at the whole screen again and again: of what it showed before a terminal is
/// told only the difference, unless it has another size.
fn comes_to_show(screen: &mut Terminal, words: &str) {
    let mut columns = 90;
    until(&format!("{words} is on the screen"), || {
        screen.clear();
        columns = if columns == 90 { 91 } else { 90 };
        screen.resize(columns, 20);
        std::thread::sleep(Duration::from_millis(300));
        screen.shown().contains(words)
    });
}

/// The status of a top that has given its terminal back.
fn ended(screen: Terminal) -> i32 {
    until("keys are lines again", || !screen.is_raw());
    let (status, shown) = screen.ended();
    assert!(shown.ends_with("\u{1b}[?25h"), "{shown:?}");
    assert!(shown.contains(GIVEN_BACK), "{shown:?}");
    status
}
