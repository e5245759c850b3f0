//! Trees that somebody filled in order not to have them removed.

use std::ffi::OsStr;
use std::fs::{File, create_dir, create_dir_all};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::Command;

use rustix::fs::{CWD, mkdirat, openat};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::*;

/// A chain of directories with a file in each, too deep for any path.
fn make_deep(top: &Path, levels: usize) {
    create_dir(top).unwrap();
    let mut here = openat(CWD, top, DIRECTORY, Mode::empty()).unwrap();
    let file = OFlags::CREATE | OFlags::WRONLY;
    for _ in 0..levels {
        openat(&here, "file", file, Mode::empty()).unwrap();
        mkdirat(&here, "deeper", Mode::RWXU).unwrap();
        here = openat(&here, "deeper", DIRECTORY, Mode::empty()).unwrap();
    }
}

/// Runs one of the ignored tests below in a process of its own.
#[allow(
    clippy::disallowed_methods,
    reason = "what is asked is a property of a whole process"
)]
fn elsewhere(command: &[&str], test: &str, path: &Path) {
    let me = std::env::current_exe().unwrap();
    let (program, arguments) = command.split_first().unwrap_or((&"env", &[]));
    let said = Command::new(program)
        .args(arguments)
        .arg(me)
        .args(["--ignored", "--exact", &format!("removal::tests::{test}")])
        .env("VELD_TEST_TREE", path)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&said.stdout);
    assert!(said.status.success(), "{text}");
    assert!(text.contains("1 passed"), "{text}");
}

fn given_tree() -> Option<PathBuf> {
    std::env::var_os("VELD_TEST_TREE").map(PathBuf::from)
}

#[test]
fn a_tree_deeper_than_there_are_descriptors_goes_away() {
    let dir = tempfile::tempdir().unwrap();
    let top = dir.path().join("top");
    make_deep(&top, 5000);
    elsewhere(&[], "act_few_descriptors", &top);
    assert!(!top.exists());
}

#[test]
#[ignore = "run by the test above, in a process that it limits"]
fn act_few_descriptors() {
    let Some(top) = given_tree() else { return };
    let few = Rlimit {
        current: Some(16),
        ..getrlimit(Resource::Nofile)
    };
    setrlimit(Resource::Nofile, few).unwrap();
    remove_tree(&top).unwrap();
}

#[test]
fn what_is_mounted_below_is_not_entered() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: mounting takes root");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let top = dir.path().join("top");
    create_dir_all(top.join("a/mounted")).unwrap();
    let own_mounts = ["unshare", "--mount", "--propagation", "private"];
    elsewhere(&own_mounts, "act_mounted", &top);
    assert!(!top.exists());
}

#[test]
#[ignore = "run by the test above, in a mount namespace of its own"]
fn act_mounted() {
    let Some(top) = given_tree() else { return };
    let outside = top.with_file_name("outside");
    create_dir(&outside).unwrap();
    File::create(outside.join("kept")).unwrap();
    let place = top.join("a/mounted");
    rustix::mount::mount_bind(&outside, &place).unwrap();
    for tree in [&place, &top] {
        let failure = remove_tree(tree).unwrap_err();
        assert_eq!(failure.errno(), Some(Errno::XDEV.raw_os_error()));
        let text = failure.to_string();
        assert!(text.contains("mounted"), "{text}");
        assert!(outside.join("kept").exists());
    }
    rustix::mount::unmount(&place, rustix::mount::UnmountFlags::empty()).unwrap();
    remove_tree(&top).unwrap();
}

#[test]
fn links_lead_nowhere_and_odd_names_and_modes_are_in_no_way() {
    let dir = tempfile::tempdir().unwrap();
    let outside = dir.path().join("outside");
    create_dir(&outside).unwrap();
    File::create(outside.join("kept")).unwrap();
    let top = dir.path().join("top");
    create_dir_all(top.join("open/empty")).unwrap();
    symlink(&outside, top.join("link")).unwrap();
    symlink(&outside, top.join("open/link")).unwrap();
    symlink("nowhere", top.join("dangling")).unwrap();
    for odd in [
        &b"\xff\xfe"[..],
        b"new\nline",
        b" ",
        b"-r",
        b"...",
        &[b'x'; 255],
    ] {
        create_dir_all(top.join(OsStr::from_bytes(odd)).join("in")).unwrap();
        File::create(top.join("open").join(OsStr::from_bytes(odd))).unwrap();
    }
    let fifo = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(CWD, top.join("fifo"), fifo, Mode::RUSR, 0).unwrap();
    if rustix::process::geteuid().is_root() {
        create_dir_all(top.join("closed/below")).unwrap();
        for closed in ["closed/below", "closed"] {
            let none = PermissionsExt::from_mode(0o000);
            std::fs::set_permissions(top.join(closed), none).unwrap();
        }
    }
    remove_tree(&top).unwrap();
    remove_tree(&top).unwrap();
    assert!(!top.exists());
    assert!(outside.join("kept").exists());

    // A tree that is but a link, or a file.
    symlink(&outside, &top).unwrap();
    remove_tree(&top).unwrap();
    assert!(outside.join("kept").exists());
    remove_tree(&outside.join("kept")).unwrap();
    assert!(!outside.join("kept").exists());
}

/// More names than one level may hold, in a directory below which there are more.
fn make_wide(top: &Path) {
    let wide = top.join("a");
    for number in 0..900 {
        let name = format!("{number:0>200}");
        create_dir_all(wide.join(&name).join("x/y")).unwrap();
        File::create(wide.join(format!("file{number}"))).unwrap();
    }
    for number in 0..50 {
        create_dir_all(top.join(format!("b{number}/c/d/e"))).unwrap();
    }
}

#[test]
fn a_directory_of_many_goes_away_in_parts() {
    let dir = tempfile::tempdir().unwrap();
    let top = dir.path().join("top");
    make_wide(&top);
    remove_tree(&top).unwrap();
    assert!(!top.exists());
}

#[test]
fn names_that_were_forgotten_are_found_again() {
    let dir = tempfile::tempdir().unwrap();
    let top = dir.path().join("top");
    make_wide(&top);
    let here = openat(CWD, &top, DIRECTORY, Mode::empty()).unwrap();
    let mut walk = Walk::new(&top, id_of(&here).unwrap(), here);
    walk.limit = 500;
    walk.run().unwrap();
    assert_eq!(std::fs::read_dir(&top).unwrap().count(), 0);
}

#[test]
fn a_directory_that_was_moved_away_does_not_lead_elsewhere() {
    let dir = tempfile::tempdir().unwrap();
    let top = dir.path().join("top");
    create_dir_all(top.join("a/b")).unwrap();
    let elsewhere = dir.path().join("elsewhere");
    create_dir_all(elsewhere.join("b")).unwrap();
    let open = |path: &Path| openat(CWD, path, DIRECTORY, Mode::empty()).unwrap();
    let a = id_of(&open(&top.join("a"))).unwrap();
    let b = open(&top.join("a/b"));
    let mut walk = Walk::new(&top, a, b);
    walk.size = walk.levels[0].note(c"b");
    walk.levels.push(Level::new(id_of(&walk.here).unwrap()));
    std::fs::rename(top.join("a/b"), elsewhere.join("c")).unwrap();
    let failure = walk.run().unwrap_err();
    let text = format!("cannot remove b below {}", top.display());
    assert_eq!(failure.to_string(), text);
    assert!(elsewhere.join("b").exists());
}
