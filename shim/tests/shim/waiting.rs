//! A shim without a VE, which waits before the next start.

use std::process::Command;
use std::time::{Duration, Instant};

use veld_protocol::shim::PROGRAM;

use crate::boot::{launcher, shim_program, until};

#[test]
fn a_shim_without_a_ve_becomes_its_successor_after_the_time_and_not_before() {
    let directory = tempfile::Builder::new().prefix("ve").tempdir().unwrap();
    let command = directory.path().join("veld");
    std::os::unix::fs::symlink(launcher(), &command).unwrap();
    let begun = Instant::now();
    let mut shim = Command::new(launcher())
        .arg("wait")
        .arg(directory.path())
        .arg(shim_program())
        .arg(&command)
        .arg("700")
        .spawn()
        .unwrap();
    let pid = shim.id();
    let comm = || std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    until("the shim is there", || comm().trim() == PROGRAM);
    assert!(shim.wait().unwrap().success());
    assert!(begun.elapsed() >= Duration::from_millis(700));
    let name = directory.path().file_name().unwrap().to_str().unwrap();
    let called = std::fs::read_to_string(directory.path().join("called")).unwrap();
    assert_eq!(
        called,
        format!("arguments after-end {name}\npid {pid}\ndescriptors 0 1 2\nignored 0\n")
    );
}

#[test]
fn a_wait_that_is_no_number_is_told_in_the_log() {
    let directory = tempfile::Builder::new().prefix("ve").tempdir().unwrap();
    let mut shim = Command::new(launcher())
        .arg("wait")
        .arg(directory.path())
        .arg(shim_program())
        .args(["/nonexistent", "soon"])
        .spawn()
        .unwrap();
    assert!(!shim.wait().unwrap().success());
    let log = std::fs::read_to_string(directory.path().join("console.log")).unwrap();
    assert!(
        log.contains("veld-shim: cannot wait for soon milliseconds: "),
        "{log}"
    );
}
