//! The choice of a way, for programs in a directory of plain files.

use std::ffi::OsString;
use std::os::unix::fs::symlink;

use super::*;

/// A directory with an init of each kind, and a plain program.
fn root() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    for file in [
        "systemd",
        "busybox",
        "openrc-init",
        "runit-init",
        "finit",
        "program",
    ] {
        std::fs::File::create(at(file)).unwrap();
    }
    symlink("systemd", at("init")).unwrap();
    root
}

/// What is done about the program of that name.
fn way_of(program: &str, mode: Mode, getty: bool) -> Way {
    let root = root();
    let path = root.path().join(program);
    let options = Options {
        mode,
        init: Some(OsString::from(format!("{} --operand", path.display()))),
        getty,
    };
    choose(&options)
}

fn word(way: &Way) -> String {
    match way {
        Way::HandOver(over) => format!("hand-over {}", over.kind.stop_signal()),
        Way::Supervise(manners, kind) if std::ptr::eq(*manners, &raw const NOTHING) => {
            format!("nothing of {kind}")
        }
        Way::Supervise(_, kind) => format!("supervise {kind}"),
        Way::Nowhere(fact) => fact.clone(),
    }
}

#[test]
fn each_mode_has_a_way_with_each_init() {
    let table = [
        (
            "systemd",
            ["hand-over 38", "hand-over 38", "nothing of systemd"],
        ),
        (
            "finit",
            ["hand-over 12", "hand-over 12", "nothing of finit"],
        ),
        (
            "busybox",
            ["supervise none", "hand-over 15", "supervise none"],
        ),
        (
            "openrc-init",
            ["supervise openrc", "hand-over 2", "supervise openrc"],
        ),
        (
            "runit-init",
            ["supervise runit", "hand-over 2", "supervise runit"],
        ),
        (
            "program",
            ["supervise none", "hand-over 15", "supervise none"],
        ),
        (
            "missing",
            ["supervise none", "hand-over 15", "supervise none"],
        ),
    ];
    for (program, wanted) in table {
        let found = Mode::ALL.map(|mode| word(&way_of(program, mode, false)));
        assert_eq!(found, wanted, "{program}");
    }
}

#[test]
fn the_init_keeps_the_name_and_the_operands_that_were_given() {
    let Way::HandOver(over) = way_of("init", Mode::Auto, false) else {
        panic!("systemd is handed over to");
    };
    assert_eq!(over.kind, Kind::Systemd);
    assert!(over.program.ends_with("init"));
    assert_eq!(over.args, ["--operand"]);
}

#[test]
fn an_applet_of_busybox_is_a_command_and_no_init() {
    let root = root();
    symlink("busybox", root.path().join("sh")).unwrap();
    let word = |program: &str| {
        let options = Options {
            init: Some(root.path().join(program).into()),
            ..Options::default()
        };
        word(&choose(&options))
    };
    assert_eq!(word("sh -c 'exit 3'"), "supervise none");
    assert_eq!(word("busybox sleep 5"), "supervise none");
    assert_eq!(word("busybox init"), "supervise busybox");
    assert_eq!(word("busybox"), "supervise busybox");
}

#[test]
fn who_is_supervised_is_the_same_on_both_sides() {
    for kind in Kind::ALL {
        let supervised = manners(kind, "/sbin/init").is_some() || kind == Kind::None;
        assert_eq!(supervised, kind.is_supervised(), "{kind}");
    }
}

#[test]
fn a_directory_is_one_of_services() {
    let root = root();
    let options = Options {
        init: Some(root.path().into()),
        ..Options::default()
    };
    let Way::Supervise(manners, Kind::None) = choose(&options) else {
        panic!("a directory is supervised");
    };
    assert!(std::ptr::eq(manners, &raw const directory::MANNERS));
    let options = Options {
        mode: Mode::HandOver,
        ..options
    };
    let fact = word(&choose(&options));
    assert!(fact.ends_with("is a directory"), "{fact}");
}

#[test]
fn with_a_prompt_only_the_console_unit_is_not_masked() {
    let [all, some] = [false, true].map(|getty| systemd::masks(getty)[0].names);
    assert!(all.contains(&"console-getty.service"));
    assert!(!some.contains(&"console-getty.service"));
    assert_eq!(some.len() + 1, all.len());
}
