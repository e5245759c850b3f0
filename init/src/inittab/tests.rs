//! The inittab parser on lines that distributions ship, on nonsense and on anything.

use proptest::prelude::*;

use super::*;

fn entries(text: &str) -> Vec<(usize, Option<String>, Action, String)> {
    let (entries, complaints) = parse(text.as_bytes(), Dialect::Busybox);
    assert!(complaints.is_empty(), "{complaints:?}");
    entries
        .into_iter()
        .map(|entry| (entry.line, entry.terminal, entry.action, entry.process))
        .collect()
}

fn complaints(file: &[u8]) -> Vec<String> {
    let (entries, complaints) = parse(file, Dialect::Busybox);
    assert!(entries.is_empty(), "{entries:?}");
    complaints
        .iter()
        .map(|complaint| format!("{}: {complaint}", complaint.line))
        .collect()
}

#[test]
fn the_lines_of_alpine_are_read() {
    let text = "# /etc/inittab\n\n::sysinit:/sbin/openrc sysinit\n\
                tty1::respawn:/sbin/getty 38400 tty1\n\
                ::ctrlaltdel:/sbin/reboot\n::shutdown:/sbin/openrc shutdown\n";
    let wanted = [
        (3, None, Action::Sysinit, "/sbin/openrc sysinit".to_owned()),
        (
            4,
            Some("tty1".to_owned()),
            Action::Respawn,
            "/sbin/getty 38400 tty1".to_owned(),
        ),
        (5, None, Action::CtrlAltDel, "/sbin/reboot".to_owned()),
        (
            6,
            None,
            Action::Shutdown,
            "/sbin/openrc shutdown".to_owned(),
        ),
    ];
    assert_eq!(entries(text), wanted);
}

#[test]
fn a_process_keeps_its_colons_and_loses_its_comment() {
    assert_eq!(
        entries("/dev/ttyS0:12345:once:httpd -p 1:80 # web"),
        [(
            1,
            Some("ttyS0".to_owned()),
            Action::Once,
            "httpd -p 1:80".to_owned()
        )]
    );
}

#[test]
fn each_bad_line_is_named_and_the_next_goes_on() {
    let long = format!("::once:{}", "x".repeat(2000));
    let table: [(&str, &str); 8] = [
        (
            "tooshort",
            "1: has 1 of the 4 fields id:runlevels:action:process",
        ),
        (
            "a:b:once",
            "1: has 3 of the 4 fields id:runlevels:action:process",
        ),
        ("::bogus:/bin/true", "1: \"bogus\" is not an action"),
        ("::once:", "1: has no process"),
        ("::once:-", "1: has no process"),
        (
            "../sda::once:/bin/true",
            "1: \"../sda\" is not the name of a terminal",
        ),
        ("::once:a\0b", "1: is not UTF-8 text"),
        (&long, "1: has a process of 2000 bytes, more than 1024"),
    ];
    for (line, wanted) in table {
        assert_eq!(complaints(line.as_bytes()), [wanted]);
        let more = format!("{line}\n::once:/bin/true");
        assert_eq!(
            parse(more.as_bytes(), Dialect::Busybox).0.len(),
            1,
            "after {line}"
        );
    }
    assert_eq!(complaints(b"::once:\xff"), ["1: is not UTF-8 text"]);
}

#[test]
fn size_and_lines_are_limited() {
    let many = "::once:/bin/true\n".repeat(MAX_LINES + 5);
    let (entries, complaints) = parse(many.as_bytes(), Dialect::Busybox);
    assert_eq!((entries.len(), complaints.len()), (MAX_LINES, 1));
    assert_eq!(complaints[0].line, MAX_LINES + 1);

    let exact = "::once:/bin/true\n".repeat(MAX_LINES);
    assert!(parse(exact.as_bytes(), Dialect::Busybox).1.is_empty());

    let large = format!(
        "::once:/bin/true\n#{}\n::once:/bin/true",
        "x".repeat(MAX_BYTES)
    );
    let (entries, complaints) = parse(large.as_bytes(), Dialect::Busybox);
    assert_eq!((entries.len(), complaints.len()), (1, 1));
    assert_eq!(complaints[0].problem, Problem::TooManyBytes);
}

proptest! {
    #[test]
    fn any_bytes_are_read_within_the_limits(file in proptest::collection::vec(any::<u8>(), 0..4096)) {
        let (entries, complaints) = parse(&file, Dialect::Busybox);
        let lines = file.split(|&byte| byte == b'\n').count();
        prop_assert!(entries.len() + complaints.len() <= lines);
        for entry in entries {
            prop_assert!((1..=lines).contains(&entry.line));
            prop_assert!(!entry.process.is_empty() && !entry.process.contains(['\0', '\n', '#']));
        }
    }

    #[test]
    fn lines_like_inittab_never_share_a_number(
        lines in proptest::collection::vec("[a-z/.]{0,6}:[0-9]{0,3}:(once|wait|respawn|x)?:[ -~]{0,20}", 0..50)
    ) {
        let (entries, complaints) = parse(lines.join("\n").as_bytes(), Dialect::Busybox);
        let mut numbers: Vec<usize> = entries
            .iter()
            .map(|entry| entry.line)
            .chain(complaints.iter().map(|complaint| complaint.line))
            .collect();
        let told = numbers.len();
        numbers.sort_unstable();
        numbers.dedup();
        prop_assert_eq!(numbers.len(), told);
    }

    #[test]
    fn a_good_line_survives_its_neighbours(noise in "[^\n]{0,80}") {
        let text = format!("{noise}\ntty7::respawn:/bin/service --flag");
        let (entries, _) = parse(text.as_bytes(), Dialect::Busybox);
        let wanted = Entry {
            id: String::new(),
            levels: Levels::ALL,
            line: 2,
            terminal: Some("tty7".to_owned()),
            action: Action::Respawn,
            process: "/bin/service --flag".to_owned(),
        };
        prop_assert!(entries.contains(&wanted));
    }
}
