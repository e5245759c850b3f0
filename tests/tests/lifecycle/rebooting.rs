//! Many reboots in a row: nothing adds up.

use std::fs;

use veld_tests::{Host, Ve, host, status_field, until};

use crate::restarting::{is_up_again, make_old, private_memory};

#[test]
fn fifty_reboots_leave_as_much_as_one() {
    let host = host!();
    let ve = host.ve("web1").start();
    let shim = ve.shim_pid();
    reboots(&ve);
    let before = Held::by(&host, &ve);
    for _ in 0..50 {
        reboots(&ve);
    }
    assert_eq!(ve.shim_pid(), shim);
    let after = Held::by(&host, &ve);
    assert_eq!(after.things, before.things);
    let more = after.memory.saturating_sub(before.memory);
    assert!(more < 128, "the shim has {more} kB more");
    ve.stop();
    host.nothing_remains();
}

/// From inside, and as if it had been up for long.
fn reboots(ve: &Ve<'_>) {
    let init = ve.init_pid();
    make_old(ve);
    let _ = ve.exec(["reboot"]);
    is_up_again(ve, init);
    // What PID 1 has started is still coming up when it says that it is.
    until("its services run", || ve.group().processes().len() == 4);
}

/// What there is of a VE that runs.
struct Held {
    /// A line each, the same after any number of boots.
    things: Vec<String>,
    /// Of the shim, in kB.
    memory: u32,
}

impl Held {
    fn by(host: &Host, ve: &Ve<'_>) -> Self {
        let shim = ve.shim_pid();
        until("the launcher is the shim", || {
            status_field(shim, "Name") == "veld-shim"
        });
        let numbered = |line: &String| !line.starts_with("process ");
        let mut things: Vec<String> = host.remains().into_iter().filter(numbered).collect();
        things.push(format!("{} processes", ve.group().processes().len()));
        things.push(format!("{} of Veld's", host.remains().len()));
        let names = |directory: &str| {
            let entries = fs::read_dir(directory).unwrap();
            let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
            names.sort();
            format!("{names:?}")
        };
        things.push(names(&format!("/proc/{shim}/fd")));
        things.push(names(ve.run_directory().to_str().unwrap()));
        let children = fs::read_to_string(format!("/proc/{shim}/task/{shim}/children")).unwrap();
        things.push(format!("{} children", children.split_whitespace().count()));
        let mounts = fs::read_to_string(format!("/proc/{shim}/mountinfo")).unwrap();
        things.push(format!("{} mounts", mounts.lines().count()));
        Self {
            things,
            memory: private_memory(shim),
        }
    }
}
