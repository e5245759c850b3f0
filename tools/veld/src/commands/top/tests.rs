//! What is on the screen after which keys, on a screen that is none.

use std::time::{Duration, Instant};

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use veld_state::Activity;
use veld_supervisor::{Member, Sample};

use super::state::{After, Key, State};
use super::*;
use crate::commands::stats::tests::{busy, silent};

/// The lines of a screen of this size.
fn drawn(state: &mut State, columns: u16, rows: u16) -> Vec<String> {
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    terminal.draw(|frame| draw::draw(frame, state)).unwrap();
    let buffer = terminal.backend().buffer();
    let cells: Vec<&str> = buffer.content.iter().map(|cell| cell.symbol()).collect();
    let lines = cells.chunks(columns.into());
    lines
        .map(|line| line.concat().trim_end().to_owned())
        .collect()
}

/// The first words of the lines of the table.
fn names(state: &mut State) -> Vec<String> {
    let lines = drawn(state, 80, 12);
    let table = lines.iter().take(lines.len() - 1).skip(2);
    let words = table.filter_map(|line| line.split_ascii_whitespace().next());
    words.map(str::to_owned).collect()
}

/// Three VEs: `b` has the most memory and `c` uses the most CPU.
fn samples(clock: Instant, seconds: u64) -> Vec<Sample> {
    let mut three = ["a", "b", "c"].map(|name| busy(name, clock + Duration::from_secs(seconds)));
    three[1].usage.memory.used = Some(1 << 30);
    three[2].usage.cpu.total_usec = Some(61_500_000 + seconds * 500_000);
    three[0].network = None;
    three.into()
}

fn three() -> State {
    let mut state = State::new(Some(8 << 30));
    let clock = Instant::now();
    state.renew(samples(clock, 0));
    state.renew(samples(clock, 1));
    state
}

fn keys(state: &mut State, keys: &str) {
    for letter in keys.chars() {
        assert_eq!(state.key(Key::Char(letter)), After::Nothing);
    }
}

#[test]
fn each_ve_has_a_line() {
    let mut state = three();
    let lines = drawn(&mut state, 120, 8);
    assert_eq!(lines[0], "veld top   3 of 3 running VEs   by CPU");
    let words: Vec<&str> = lines[1].split_ascii_whitespace().collect();
    assert_eq!(words[..5], ["NAME", "STATUS", "CPU%", "MEM", "MEM%"]);
    let words: Vec<&str> = lines[2].split_ascii_whitespace().collect();
    assert_eq!(words[..6], ["c", "up", "50.0", "198M", "38.8", "12"]);
    assert_eq!(words[6..10], ["0", "0", "0", "0"]);
    let words: Vec<&str> = lines[3].split_ascii_whitespace().collect();
    assert_eq!(words[6..10], ["0", "0", "-", "-"], "a has no link");
    assert!(lines[7].starts_with("q quit  Enter processes"));
    // What does not fit is left out whole.
    let narrow = drawn(&mut state, 50, 8);
    assert!(narrow[1].ends_with("MEM%"), "{}", narrow[1]);
}

#[test]
fn nothing_is_made_up() {
    let mut state = State::new(None);
    state.renew(vec![silent("web1", Instant::now())]);
    let lines = drawn(&mut state, 120, 8);
    let words: Vec<&str> = lines[2].split_ascii_whitespace().collect();
    assert_eq!(words[..2], ["web1", "up"]);
    assert!(words[2..13].iter().all(|word| *word == "-"), "{words:?}");
    state.renew(Vec::new());
    let lines = drawn(&mut state, 120, 8);
    assert_eq!(lines[0], "veld top   0 of 0 running VEs   by CPU");
}

#[test]
fn keys_and_arrows_sort() {
    let mut state = three();
    assert_eq!(names(&mut state), ["c", "a", "b"]);
    keys(&mut state, "m");
    assert_eq!(names(&mut state), ["b", "a", "c"]);
    keys(&mut state, "r");
    assert_eq!(names(&mut state), ["c", "a", "b"]);
    let title = &drawn(&mut state, 80, 8)[0];
    assert!(title.ends_with("by memory, reversed"), "{title}");
    keys(&mut state, "r");
    state.key(Key::Left);
    state.key(Key::Left);
    assert_eq!(names(&mut state), ["a", "b", "c"], "by name");
    state.key(Key::Left);
    assert!(drawn(&mut state, 80, 8)[0].ends_with("by processes"));
    state.key(Key::Right);
    assert!(drawn(&mut state, 80, 8)[0].ends_with("by name"));
    keys(&mut state, "x");
    assert!(drawn(&mut state, 80, 8)[0].ends_with("by name"));
}

#[test]
fn the_cursor_stays_on_its_ve() {
    let mut state = three();
    state.key(Key::Down);
    state.key(Key::Down);
    state.key(Key::Down);
    keys(&mut state, "m");
    assert_eq!(state.key(Key::Enter), After::Look);
    assert_eq!(state.inside().unwrap().ve().as_str(), "b");
}

#[test]
fn more_than_fit_are_scrolled() {
    let mut state = State::new(None);
    let now = Instant::now();
    let many = (10..60).map(|number| busy(&format!("web{number}"), now));
    state.renew(many.collect());
    assert_eq!(names(&mut state).len(), 9);
    state.key(Key::End);
    assert_eq!(names(&mut state).last().unwrap(), "web59");
    state.key(Key::PageUp);
    state.key(Key::Up);
    assert_eq!(names(&mut state)[0], "web50");
    state.key(Key::Home);
    assert_eq!(names(&mut state)[0], "web10");
}

#[test]
fn a_filter_is_typed_and_taken_back() {
    let mut state = State::new(None);
    let now = Instant::now();
    state.renew(["web1", "web2", "db1"].map(|name| busy(name, now)).into());
    keys(&mut state, "/web");
    let title = &drawn(&mut state, 80, 8)[0];
    assert!(title.starts_with("veld top   2 of 3"), "{title}");
    assert!(title.ends_with("/web_"), "{title}");
    // Which would quit, and sort.
    keys(&mut state, "q");
    assert_eq!(names(&mut state), Vec::<String>::new());
    state.key(Key::Backspace);
    state.key(Key::Enter);
    assert_eq!(names(&mut state), ["web1", "web2"]);
    assert!(drawn(&mut state, 80, 8)[0].ends_with("/web"));
    state.key(Key::Escape);
    assert_eq!(names(&mut state).len(), 3);
    keys(&mut state, "/x");
    state.key(Key::Escape);
    assert_eq!(names(&mut state).len(), 3);
    assert_eq!(state.key(Key::Char('q')), After::Quit);
    keys(&mut state, "/");
    assert_eq!(state.key(Key::Interrupt), After::Quit);
}

fn member(pid: i32, cpu_usec: u64, clock: Instant) -> Member {
    Member {
        activity: Activity {
            pid,
            pid_inside: Some(pid - 4000),
            born: 1,
            user: 65_536,
            name: "a\u{1b}[2J".to_owned(),
            state: 'S',
            cpu_usec,
            resident_bytes: u64::try_from(pid).unwrap() << 10,
        },
        user_inside: Some(0),
        clock,
    }
}

#[test]
fn a_ve_is_shown_closely_and_its_words_are_harmless() {
    let mut state = three();
    assert_eq!(state.key(Key::Enter), After::Look);
    let inside = state.inside_mut().unwrap();
    let now = Instant::now();
    let later = now + Duration::from_secs(1);
    inside.renew(vec![member(4001, 0, now), member(4002, 0, now)]);
    inside.renew(vec![member(4001, 0, later), member(4002, 250_000, later)]);
    assert_eq!(inside.on_screen(), [4002, 4001]);
    inside.add_command_lines([(4002, "sleep\t1 \u{1b}]0;x\u{7}".to_owned())].into());
    let lines = drawn(&mut state, 100, 8);
    assert_eq!(lines[0], "veld top   c   2 processes   by CPU");
    let words = |line: &str| line.split_ascii_whitespace().map(str::to_owned).collect();
    let found: Vec<String> = words(&lines[2]);
    assert_eq!(found[..6], ["4002", "2", "0", "S", "25.0", "3.9M"]);
    assert!(
        lines[2].ends_with("sleep 1 \\u{1b}]0;x\\u{7}"),
        "{}",
        lines[2]
    );
    assert!(lines[3].ends_with("[a\\u{1b}[2J]"), "{}", lines[3]);
    keys(&mut state, "p");
    let found: Vec<String> = words(&drawn(&mut state, 100, 8)[2]);
    assert_eq!(found[0], "4001");
    state.key(Key::Left);
    state.key(Key::Char('r'));
    let title = &drawn(&mut state, 100, 8)[0];
    assert!(title.ends_with("by memory, reversed"), "{title}");
    assert_eq!(state.key(Key::Escape), After::Look);
    assert_eq!(names(&mut state), ["c", "a", "b"]);
}

#[test]
fn a_screen_that_is_too_small_says_so() {
    let mut state = three();
    for (columns, rows) in [(39, 24), (80, 5), (1, 1)] {
        let lines = drawn(&mut state, columns, rows);
        assert!("veld top needs".starts_with(&lines[0][..lines[0].len().min(14)]));
        assert!(!lines.concat().contains("NAME"));
    }
}
