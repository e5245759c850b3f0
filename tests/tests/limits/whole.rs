//! A `veld set` is done whole or not at all, whatever state the VE is in.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;
use veld_tests::{Ve, host, until};

use crate::knobs::{all, config_lines, is_v1};

#[test]
fn one_bad_value_among_good_ones_changes_nothing() {
    let host = host!();
    let ve = host.ve("web1").with(["--ram", "256M"]).start();
    let before = all(&ve);
    let begins = "veld: web1: cannot set: ";
    for (bad, says) in [
        ("cpus=99", "cannot limit CPUs to 99: the host has "),
        (
            "cpumask=77",
            "cannot limit CPU list to 77: CPU 77 is not among the host's ",
        ),
        ("ram-low=300M", "ram-low: 300M is more than the ram of 256M"),
        ("dns-=10.9.9.9", "dns: \"10.9.9.9\" is not in the list"),
    ] {
        let refused = ve.veld(
            "set",
            ["processes=50", "inotify-watches=9", bad, "cpuunits=9000"],
        );
        assert_eq!(refused.status, 1, "{bad}");
        let says = format!("{begins}{says}");
        assert!(refused.stderr.starts_with(&says), "{}", refused.stderr);
        assert_eq!(all(&ve), before, "{bad}");
    }
}

#[test]
fn what_the_kernel_refuses_undoes_what_it_has_taken() {
    let host = host!();
    let ve = host
        .ve("web1")
        .with(["--ram", "256M", "--cpumask", "0"])
        .start();
    if !is_v1(&ve) {
        return;
    }
    // A group of v1 has no CPU that the one above it has not.
    let group = host.group();
    let mut present = group
        .present()
        .into_iter()
        .map(|path| path.join("cpuset.cpus"));
    let above = present.find(|file| file.exists()).unwrap();
    fs::write(&above, "0").unwrap();
    let before = all(&ve);
    let refused = ve.veld(
        "set",
        ["ram=128M", "cpulimit=50%", "cpumask=1", "inotify-watches=9"],
    );
    let knob = above.with_file_name("web1").join("cpuset.cpus");
    refused.fails(
        1,
        &format!(
            "veld: web1: cannot set: cannot write 1 to {}: Permission denied (os error 13)",
            knob.display()
        ),
    );
    assert_eq!(all(&ve), before);
    assert!(!ve.run_directory().join("setting").exists());
}

#[test]
fn memory_that_cannot_be_reclaimed_is_an_error_of_v1_and_changes_nothing() {
    let host = host!();
    let ve = host
        .ve("web1")
        .with(["--ram", "256M", "--swap", "0"])
        .start();
    if !is_v1(&ve) {
        return;
    }
    ve.sh("head -c 100000000 /dev/zero >/dev/shm/file").done();
    let before = all(&ve);
    let refused = ve.veld("set", ["cpuunits=9000", "ram=32M", "--force"]);
    assert_eq!(refused.status, 1);
    let begins = "veld: web1: cannot set: cannot write 33554432 to ";
    assert!(refused.stderr.starts_with(begins), "{}", refused.stderr);
    let ends = " bytes are in use: Device or resource busy (os error 16)\n";
    assert!(refused.stderr.ends_with(ends), "{}", refused.stderr);
    assert_eq!(all(&ve), before);
    // And it goes on.
    ve.sh("rm /dev/shm/file").done();
    ve.veld("set", ["cpuunits=9000", "ram=32M"]).done();
}

#[test]
fn comments_of_a_person_survive() {
    let host = host!();
    let ve = host.ve("web1").with(["--ram", "256M"]).start();
    let text = fs::read_to_string(ve.config()).unwrap();
    let edited = text.replace("ram = ", "# what the shop needs\nram = ");
    let edited = edited.replace("\"256M\"", "\"256M\" # and not more") + "\n# the end\n";
    fs::write(ve.config(), edited).unwrap();
    ve.veld("set", ["ram=128M", "processes=200"]).done();
    let now = fs::read_to_string(ve.config()).unwrap();
    for line in [
        "# what the shop needs\nram = \"128M\" # and not more\n",
        "# the end\n",
    ] {
        assert!(now.contains(line), "no {line:?} in {now}");
    }
    assert!(now.contains("processes = 200"), "{now}");
}

#[test]
fn nonsense_in_the_file_is_told_in_a_line_each_and_nothing_changes() {
    let host = host!();
    let ve = host.ve("web1").with(["--ram", "256M"]).start();
    let text = fs::read_to_string(ve.config()).unwrap();
    let nonsense = text.replace("\"256M\"", "\"lots\"\nrma = 5\ncpus = 0");
    fs::write(ve.config(), &nonsense).unwrap();
    let before = all(&ve);
    let refused = ve.veld("set", ["processes=200"]);
    assert_eq!(refused.status, 1);
    let lines: Vec<&str> = refused.stderr.lines().collect();
    let file = ve.config().display().to_string();
    assert_eq!(lines.len(), 3, "{lines:?}");
    for (line, says) in lines.iter().zip(["resources.ram", "rma", "resources.cpus"]) {
        assert!(line.starts_with(&format!("veld: {file}:")), "{line}");
        assert!(line.contains(says), "{line}");
    }
    assert_eq!(all(&ve), before);
    // It can be entered and looked at all the same.
    ve.exec(["true"]).done();
    assert_eq!(ve.status(), "up");
    fs::write(ve.config(), text).unwrap();
}

#[test]
fn what_a_person_edited_counts_with_the_next_set() {
    let host = host!();
    let ve = host.ve("web1").with(["--inotify-watches", "555"]).start();
    let text = fs::read_to_string(ve.config()).unwrap();
    let edited = text.replace("inotify-watches = 555", "inotify-watches = 666");
    let edited = edited + "\n[resources]\nprocesses = 123\noom-score-adj = 50\n";
    fs::write(ve.config(), &edited).unwrap();
    let watches = || {
        ve.exec(["cat", "/proc/sys/user/max_inotify_watches"])
            .ok()
            .line()
            .to_owned()
    };
    // One that fails brings back what the kernel had, and not what the file says.
    let before = all(&ve);
    assert_eq!(ve.veld("set", ["cpus=99"]).status, 1);
    assert_eq!(all(&ve), before);
    assert_eq!(watches(), "555");
    ve.veld("set", ["cpuunits=2000"]).done();
    assert_eq!(watches(), "666");
    assert_eq!(ve.group().knob(&["pids.max"]).as_deref(), Some("123"));
    let score = ve.exec(["cat", "/proc/self/oom_score_adj"]).ok();
    assert_eq!(score.line(), "50");
    let score = fs::read_to_string(format!("/proc/{}/oom_score_adj", ve.init_pid()));
    assert_eq!(score.unwrap(), "50\n");
}

#[test]
fn a_stopped_ve_has_it_from_its_next_start() {
    let host = host!();
    let ve = host.ve("web1").create();
    ve.veld("set", ["ram=128M", "rlimit-nofile=512"]).done();
    ve.veld("set", ["ram=64M", "--runtime"]).fails(
        1,
        "veld: web1: is not running; without --runtime it counts from the next start",
    );
    let refused = ve.veld("set", ["cpus=99"]);
    assert_eq!(refused.status, 1);
    assert_eq!(ve.show()["settings"]["ram"], json!("128M"));
    ve.start();
    assert_eq!(ve.show()["kernel"]["memory_limit_bytes"], json!(128 << 20));
    assert_eq!(ve.sh("ulimit -n").ok().line(), "512");
}

#[test]
fn a_ve_that_waits_to_be_started_again_is_set_for_that() {
    let host = host!();
    let ve = host.ve("web1").with(["--restart", "always"]).start();
    // A second end in a row is one that is waited after.
    for _ in 0..8 {
        let _ = ve.sh("poweroff -f");
        until("it ended", || ve.status() != "up");
        if ve.status() == "restarting" {
            break;
        }
        until("it is up", || {
            ve.status() == "up" || ve.status() == "restarting"
        });
    }
    ve.veld("set", ["ram=128M"]).done();
    until("it is up again", || ve.status() == "up");
    assert_eq!(ve.show()["kernel"]["memory_limit_bytes"], json!(128 << 20));
    ve.veld("stop", ["--force"]).done();
}

#[test]
fn a_frozen_ve_is_set() {
    let host = host!();
    let ve = host.ve("web1").start();
    let (file, value, thawed) = match group_with(&ve, "freezer.state") {
        Some(_) => ("freezer.state", "FROZEN", "THAWED"),
        None => ("cgroup.freeze", "1", "0"),
    };
    let freezer = group_with(&ve, file).unwrap().join(file);
    fs::write(&freezer, value).unwrap();
    ve.veld(
        "set",
        [
            "ram=128M",
            "cpus=1",
            "oom-score-adj=200",
            "inotify-watches=44",
        ],
    )
    .done();
    assert_eq!(ve.show()["kernel"]["memory_limit_bytes"], json!(128 << 20));
    fs::write(&freezer, thawed).unwrap();
    let read = ve.exec(["cat", "/proc/sys/user/max_inotify_watches"]).ok();
    assert_eq!(read.line(), "44");
}

fn group_with(ve: &Ve<'_>, file: &str) -> Option<PathBuf> {
    let group = ve.group();
    let mut present = group.present().into_iter();
    present
        .find(|directory| directory.join(file).exists())
        .map(Path::to_owned)
}

#[test]
fn while_the_ve_ends_it_is_set_for_the_next_start() {
    let host = host!();
    let ve = host.ve("web1").create();
    for round in 0..6 {
        ve.start();
        let processes = format!("processes={}", 200 + round);
        let ending = if round % 2 == 0 {
            ve.cmd("stop", ["--force"]).spawn()
        } else {
            ve.exec_cmd([""; 0], ["poweroff", "-f"]).spawn()
        };
        std::thread::sleep(std::time::Duration::from_millis(4 * round));
        ve.veld("set", [&processes]).done();
        let _ = ending.output();
        until("it ended", || ve.status() == "stopped");
        let said = format!("processes = {}", 200 + round);
        assert!(config_lines(&ve).contains(&said), "{said}");
    }
    host.nothing_remains();
}
