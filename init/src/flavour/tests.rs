//! Recognition of inits in a directory of plain files, and the choice of a way.

use std::os::unix::fs::symlink;

use super::*;

/// A directory with `lib/systemd`, `bin/busybox.static` and `sbin/init`, and links to them.
fn root() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for directory in ["lib", "bin", "sbin"] {
        std::fs::create_dir(root.path().join(directory)).unwrap();
    }
    for file in ["lib/systemd", "bin/busybox.static", "sbin/init"] {
        std::fs::File::create(root.path().join(file)).unwrap();
    }
    symlink("../lib/systemd", root.path().join("sbin/systemd-init")).unwrap();
    symlink("../bin/busybox.static", root.path().join("sbin/bb-init")).unwrap();
    root
}

fn way_of(program: &str, mode: Mode) -> Way {
    let root = root();
    let program = Program::find(&root.path().join(program)).unwrap();
    let options = Options {
        mode,
        init: None,
        getty: false,
    };
    way(program, &options)
}

/// "masked", "plain", "busybox" or "nothing".
fn word(way: &Way) -> &'static str {
    match way {
        Way::HandOver { masks: Some(_), .. } => "masked",
        Way::HandOver { masks: None, .. } => "plain",
        Way::Supervise(load) if std::ptr::fn_addr_eq(*load, nothing as Load) => "nothing",
        Way::Supervise(_) => "busybox",
    }
}

#[test]
fn each_mode_has_a_way_with_each_init() {
    let table = [
        ("sbin/systemd-init", ["masked", "masked", "nothing"]),
        ("sbin/bb-init", ["busybox", "plain", "busybox"]),
        ("sbin/init", ["plain", "plain", "nothing"]),
    ];
    for (program, wanted) in table {
        let found = Mode::ALL.map(|mode| word(&way_of(program, mode)));
        assert_eq!(found, wanted, "{program}");
    }
}

#[test]
fn the_init_keeps_the_name_that_it_was_found_under() {
    let Way::HandOver { program, .. } = way_of("sbin/systemd-init", Mode::Auto) else {
        panic!("systemd is handed over to");
    };
    assert!(program.ends_with("sbin/systemd-init"));
}

#[test]
fn a_program_asked_for_must_exist() {
    let options = Options {
        init: Some("/no/such/init".into()),
        ..Options::default()
    };
    assert_eq!(choose(&options).err(), Some(exit::NOT_FOUND));
}

#[test]
fn with_a_prompt_only_the_console_unit_is_not_masked() {
    let all = systemd::masks(false).unwrap();
    let some = systemd::masks(true).unwrap();
    assert!(all.units.contains(&"console-getty.service"));
    assert!(!some.units.contains(&"console-getty.service"));
    assert_eq!(some.units.len() + 1, all.units.len());
}
