//! A destroy that returns before the files are removed.

use std::fs;

use veld_tests::{host, until};

#[test]
fn what_nobody_removed_is_removed_after_the_next_command() {
    let host = host!();
    host.ve("web1").create().destroy();
    let trash = host.data().join("trash");
    let left = trash.join("0123456789ab");
    for number in 0..50 {
        fs::create_dir_all(left.join(format!("private/root/{number}/deep"))).unwrap();
    }
    let ve = host.ve("web2").create();
    until("the trash is empty", || !left.exists());
    ve.destroy();
    assert_eq!(host.leaks(), Vec::<String>::new());
}

#[test]
fn name_and_number_are_free_before_the_files_are_gone() {
    let host = host!();
    // Whoever holds the lock is at it, as far as others know.
    host.ve("web1").create().destroy();
    until("nobody is at it", || host.leaks().is_empty());
    let lock = fs::File::create(host.data().join("trash/.lock")).unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let ve = host.ve("web1").create();
    ve.destroy();
    host.ve("web1").create();
    let kept = fs::read_dir(host.data().join("trash")).unwrap().count();
    assert!(kept >= 2, "the files are there still");
    drop(lock);
    host.veld(["destroy", "web1"]).done();
    assert_eq!(host.leaks(), Vec::<String>::new());
}
