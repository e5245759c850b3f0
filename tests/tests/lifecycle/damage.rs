//! Records that are wrong or gone: all that a stop needs follows from the name.

use std::fs;

use rustix::process::Signal;
use veld_tests::{alive, host, signal, until};

#[test]
fn a_ve_whose_record_is_corrupt_is_stopped_with_a_warning() {
    let host = host!();
    let ve = host.ve("web1").start();
    let (init, shim) = (ve.init_pid(), ve.shim_pid());
    for damage in ["", "init-pid x\n", "\u{0}\u{1}"] {
        fs::write(ve.run_directory().join("record"), damage).unwrap();
    }
    let stopped = ve.veld("stop", [""; 0]);
    let warning = "veld: web1: warning: it ran without a record and was killed\n";
    assert_eq!((stopped.status, stopped.stderr.as_str()), (0, warning));
    assert!(!alive(init));
    until("the shim ends with its VE", || !alive(shim));
    host.nothing_remains();
    ve.start();
}

#[test]
fn a_ve_whose_run_directory_is_gone_is_stopped_all_the_same() {
    let host = host!();
    let ve = host.ve("web1").start();
    let init = ve.init_pid();
    fs::remove_dir_all(ve.run_directory()).unwrap();
    let stopped = ve.veld("stop", [""; 0]);
    assert_eq!(stopped.status, 0, "{}", stopped.stderr);
    assert!(!alive(init));
    host.nothing_remains();
    ve.start();
    assert_eq!(ve.exec(["hostname"]).ok().line(), "web1");
}

#[test]
fn a_ve_without_a_record_is_neither_started_twice_nor_destroyed() {
    let host = host!();
    let ve = host.ve("web1").start();
    let init = ve.init_pid();
    fs::remove_file(ve.run_directory().join("record")).unwrap();
    let refused = "veld: web1: runs without a record; stop it first";
    ve.veld("start", [""; 0]).fails(1, refused);
    ve.veld("destroy", [""; 0]).fails(1, refused);
    assert!(alive(init));
    ve.veld("destroy", ["--force"]).ok();
    assert!(!alive(init));
    assert_eq!(host.leaks(), Vec::<String>::new());
}

#[test]
fn a_record_of_another_process_stops_nobody_else() {
    let host = host!();
    let ve = host.ve("web1").start();
    let mut bystander = veld_tests::Cmd::program("sleep", ["1000"]).spawn();
    let record = ve.run_directory().join("record");
    let text = fs::read_to_string(&record).unwrap();
    // The number of another process, with the birth of the one that was meant.
    let wrong = text.replace(
        &format!("init-pid {}\n", ve.init_pid()),
        &format!("init-pid {}\n", bystander.pid()),
    );
    assert_ne!(text, wrong);
    fs::write(&record, wrong).unwrap();
    ve.veld("stop", [""; 0]).ok();
    assert!(!bystander.has_ended());
    host.nothing_remains();
}

#[test]
fn a_ve_whose_config_is_broken_is_listed_and_stops() {
    let host = host!();
    let ve = host.ve("web1").start();
    fs::write(ve.config(), "nonsense").unwrap();
    let listed = host.veld(["list", "-o", "name,status"]).ok().stdout;
    assert_eq!(listed.lines().last(), Some("web1  up, config broken"));
    ve.stop();
    host.nothing_remains();
    ve.destroy();
    assert_eq!(host.leaks(), Vec::<String>::new());
}

#[test]
fn a_frozen_ve_stops() {
    let host = host!();
    let ve = host.ve("web1").start();
    for directory in ve.group().present() {
        for (name, value) in [("freezer.state", "FROZEN"), ("cgroup.freeze", "1")] {
            if directory.join(name).exists() {
                fs::write(directory.join(name), value).unwrap();
            }
        }
    }
    let stopped = ve.veld("stop", ["--timeout", "5"]);
    assert_eq!(stopped.status, 0, "{}", stopped.stderr);
    host.nothing_remains();
}

#[test]
fn a_stopped_shim_does_not_hold_up_a_stop_for_long() {
    let host = host!();
    let ve = host.ve("web1").start();
    signal(ve.shim_pid(), Signal::STOP);
    ve.veld("stop", [""; 0]).ok();
    host.nothing_remains();
    assert_eq!(ve.status(), "stopped");
}

#[test]
fn numbers_are_found_again_when_the_directory_of_them_is_lost() {
    let host = host!();
    let ve = host.ve("web1").create();
    fs::remove_file(host.data().join("ids/next")).unwrap();
    let other = host.ve("web2").create();
    assert_ne!(ve.show()["id"], other.show()["id"]);
}
