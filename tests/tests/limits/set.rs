//! `veld set` on a VE that runs: in the kernel, in the config, and felt inside.

use std::fs;

use serde_json::json;
use veld_tests::{Ve, eventually, host, until};

use crate::knobs::{LIVE, config_lines, is_v1};

#[test]
fn every_limit_is_set_and_lifted_in_a_ve_that_runs() {
    let host = host!();
    let ve = host.ve("web1").start();
    let here: Vec<_> = LIVE
        .iter()
        .filter(|live| live.held(&ve).is_some())
        .collect();
    assert!(here.len() >= 6, "only {} have files", here.len());
    for live in &here {
        let set = ve.veld("set", [live.setting]).ok();
        assert_eq!(set.line(), format!("web1: set {}", live.setting));
        let (held, wanted, _) = live.held(&ve).unwrap();
        assert_eq!(held, wanted, "{}", live.setting);
        let shown = ve.show();
        let (key, value) = live.shown;
        assert_eq!(shown["kernel"][key], json!(value), "{}", live.setting);
        let said = &shown["settings"][live.word()];
        assert_eq!(
            format!("{}={}", live.word(), said.as_str().unwrap()),
            live.setting
        );
    }
    // All of them hold still. The swap goes before the memory that it needs.
    for live in here.iter().rev() {
        let (held, wanted, _) = live.held(&ve).unwrap();
        assert_eq!(held, wanted, "{}", live.setting);
        let unset = format!("{}=", live.word());
        ve.veld("set", [unset]).done();
        let (held, _, none) = live.held(&ve).unwrap();
        assert_eq!(held, none, "{}", live.setting);
        assert_eq!(ve.show()["settings"][live.word()], json!(null));
    }
}

#[test]
fn memory_and_swap_are_lowered_and_raised_together() {
    let host = host!();
    let ve = host
        .ve("web1")
        .with(["--ram", "256M", "--swap", "256M"])
        .start();
    for (ram, swap) in [(64, 0), (512, 512), (128, 16), (64, 512), (512, 0)] {
        ve.veld("set", [format!("ram={ram}M"), format!("swap={swap}M")])
            .done();
        let kernel = &ve.show()["kernel"];
        assert_eq!(kernel["memory_limit_bytes"], json!(ram << 20));
        assert_eq!(kernel["swap_limit_bytes"], json!(swap << 20));
    }
    if is_v1(&ve) {
        let refused = ve.veld("set", ["ram="]);
        refused.fails(
            1,
            "veld: web1: cannot set: cannot limit swap to 0: memory.memsw.limit_in_bytes of \
             cgroup v1 bounds memory and swap together, and memory has no limit",
        );
    }
}

#[test]
fn what_v1_has_not_is_refused_by_knob_and_reason_and_v2_holds_it() {
    let host = host!();
    let ve = host.ve("web1").with(["--ram", "256M"]).start();
    let v2 = [
        (
            "ram-high=128M",
            "memory.high",
            "memory",
            "high memory",
            "it does not slow a group down",
        ),
        (
            "ram-guarantee=8M",
            "memory.min",
            "memory",
            "guaranteed memory",
            "it reclaims from every group alike",
        ),
        (
            "ram=128M:256M",
            "memory.high",
            "memory",
            "high memory",
            "it does not slow a group down",
        ),
    ];
    let before = crate::knobs::all(&ve);
    for (setting, knob, _, name, why) in v2 {
        let done = ve.veld("set", [setting]);
        if is_v1(&ve) {
            let size = if setting.contains("128M") {
                "128M"
            } else {
                "8M"
            };
            done.fails(
                1,
                &format!(
                    "veld: web1: cannot set: cannot limit {name} to {size}: cgroup v1 has \
                     nothing like {knob}: {why}"
                ),
            );
            assert_eq!(crate::knobs::all(&ve), before);
        } else {
            done.done();
            let size = if setting.contains("128M") {
                128 << 20
            } else {
                8 << 20
            };
            assert_eq!(ve.group().knob(&[knob]), Some(size.to_string()));
        }
    }
}

#[test]
fn a_ve_has_the_processors_that_it_is_given() {
    let host = host!();
    let ve = host.ve("web1").start();
    let all = ve.exec(["nproc"]).ok().line().to_owned();
    ve.veld("set", ["cpus=1"]).done();
    assert_eq!(ve.exec(["nproc"]).ok().line(), "1");
    // Those that were there have moved, too.
    assert_eq!(
        allowed(ve.init_pid()),
        ve.group().knob(&["cpuset.cpus"]).unwrap()
    );
    ve.veld("set", ["cpus=", "cpumask=0"]).done();
    assert_eq!(ve.group().knob(&["cpuset.cpus"]).unwrap(), "0");
    assert_eq!(allowed(ve.init_pid()), "0");
    // All that there are is no limit to tell of.
    let told = if all == "1" { json!(null) } else { json!([0]) };
    assert_eq!(ve.show()["kernel"]["cpu_numbers"], told);
    ve.veld("set", ["cpumask="]).done();
    assert_eq!(ve.exec(["nproc"]).ok().line(), all);
}

fn allowed(pid: i32) -> String {
    veld_tests::status_field(pid, "Cpus_allowed_list")
}

#[test]
fn a_new_limit_of_processes_holds_at_once() {
    let host = host!();
    let ve = host.ve("web1").start();
    assert!(ve.probe(["fork", "60"]).ok().stdout.starts_with("60\n"));
    ve.veld("set", ["processes=40"]).done();
    let forked = ve.probe(["fork", "60"]);
    assert_eq!(forked.lines().last(), Some("EAGAIN"));
    ve.veld("set", ["processes="]).done();
    assert!(ve.probe(["fork", "60"]).ok().stdout.starts_with("60\n"));
}

#[test]
fn tables_of_the_kernel_are_limited_and_lifted() {
    let host = host!();
    let ve = host.ve("web1").with(["--inotify-watches", "555"]).start();
    let read = |name: &str| {
        let file = format!("/proc/sys/user/max_{name}");
        ve.exec(["cat".to_owned(), file]).ok().line().to_owned()
    };
    assert_eq!(read("inotify_watches"), "555");
    let usual = read("net_namespaces");
    let others = read("inotify_instances");
    ve.veld(
        "set",
        [
            "inotify-watches=777",
            "net-namespaces=3",
            "fanotify-groups=9",
        ],
    )
    .done();
    assert_eq!(read("inotify_watches"), "777");
    assert_eq!(read("net_namespaces"), "3");
    assert_eq!(read("fanotify_groups"), "9");
    let held = json!({"inotify-watches": 777, "net-namespaces": 3, "fanotify-groups": 9});
    assert_eq!(ve.show()["kernel"]["tables"], held);
    ve.veld(
        "set",
        ["inotify-watches=", "net-namespaces=", "fanotify-groups="],
    )
    .done();
    assert_eq!(read("inotify_watches"), i32::MAX.to_string());
    assert_eq!(read("net_namespaces"), usual);
    assert_eq!(read("inotify_instances"), others);
}

#[test]
fn the_score_is_changed_of_processes_that_were_there_and_of_new_ones() {
    let host = host!();
    let ve = host.ve("web1").with(["--oom-score-adj", "100"]).start();
    let mut sleeper = ve
        .exec_cmd(
            [""; 0],
            [
                "sh",
                "-c",
                "echo 700 >/proc/self/oom_score_adj; exec sleep 1000",
            ],
        )
        .spawn();
    let chosen = eventually("a process has chosen its own", || {
        let pids = ve.group().processes();
        pids.into_iter().find(|pid| score(*pid) == "700")
    });
    assert_eq!(score(ve.init_pid()), "100");
    ve.veld("set", ["oom-score-adj=300"]).done();
    assert_eq!(score(ve.init_pid()), "300");
    let new = ve.exec(["cat", "/proc/self/oom_score_adj"]).ok();
    assert_eq!(new.line(), "300");
    assert_eq!(score(chosen), "700");
    assert_eq!(ve.show()["kernel"]["oom_score_adj"], json!(300));
    ve.veld("set", ["oom-score-adj=400", "--runtime"]).done();
    let new = ve.exec(["cat", "/proc/self/oom_score_adj"]).ok();
    assert_eq!(new.line(), "400");
    ve.veld("set", ["oom-score-adj="]).done();
    let all = ve.group().processes();
    let others = all.into_iter().filter(|pid| *pid != chosen);
    for pid in others {
        let score = score(pid);
        assert!(score == "0" || score.is_empty(), "{pid} has {score}");
    }
    sleeper.kill();
}

/// Empty for a process that has gone.
fn score(pid: i32) -> String {
    let file = format!("/proc/{pid}/oom_score_adj");
    fs::read_to_string(file)
        .unwrap_or_default()
        .trim_end()
        .to_owned()
}

#[test]
fn a_limit_below_what_is_in_use_is_refused_with_both_numbers() {
    let host = host!();
    let ve = host.ve("web1").start();
    let before = crate::knobs::all(&ve);
    let _sleepers: Vec<_> = (0..10)
        .map(|_| ve.exec_cmd([""; 0], ["sleep", "1000"]).spawn())
        .collect();
    until("they run", || processes(&ve) >= 12);
    let now = eventually("nothing else happens", || {
        let now = processes(&ve);
        std::thread::sleep(std::time::Duration::from_millis(50));
        (now == processes(&ve)).then_some(now)
    });
    ve.veld("set", ["cpuunits=2000", "processes=8"]).fails(
        1,
        &format!(
            "veld: web1: cannot set: processes of 8 is below the {now} in use; --force sets it \
             all the same"
        ),
    );
    assert_eq!(crate::knobs::all(&ve), before);
    ve.veld("set", ["processes=8", "--force"]).done();
    assert_eq!(ve.group().knob(&["pids.max"]).as_deref(), Some("8"));
    // What is below already may stay so.
    ve.veld("set", ["cpuunits=3000"]).done();
    assert_eq!(
        config_lines(&ve)
            .iter()
            .filter(|line| line.contains("processes = 8"))
            .count(),
        1
    );
}

fn processes(ve: &Ve<'_>) -> u64 {
    ve.show()["kernel"]["processes"].as_u64().unwrap()
}

#[test]
fn page_cache_is_no_use_that_stands_in_the_way_and_memory_is() {
    let host = host!();
    let ve = host.ve("web1").with(["--ram", "512M"]).start();
    ve.sh("head -c 100000000 /dev/zero >/root/file; sync")
        .done();
    ve.veld("set", ["ram=48M"]).done();
    let held = ve.show()["kernel"]["memory_used_bytes"].as_u64().unwrap();
    assert!(held <= 48 << 20, "{held}");
    ve.veld("set", ["ram=512M"]).done();
    ve.sh("head -c 100000000 /dev/zero >/dev/shm/file").done();
    let refused = ve.veld("set", ["ram=32M"]);
    assert_eq!(refused.status, 1);
    let begins = "veld: web1: cannot set: ram of 32M is below the ";
    assert!(refused.stderr.starts_with(begins), "{}", refused.stderr);
    assert!(
        refused.stderr.contains(" in use; --force "),
        "{}",
        refused.stderr
    );
}

#[test]
fn two_at_once_are_both_done() {
    let host = host!();
    let ve = host.ve("web1").start();
    for round in 0..5 {
        let (processes, units) = (100 + round, 1000 + 1000 * round);
        let all = [
            format!("processes={processes}"),
            format!("cpuunits={units}"),
            format!("ram={}M", 200 + round),
        ];
        let running: Vec<_> = all.iter().map(|it| ve.cmd("set", [it]).spawn()).collect();
        running.into_iter().for_each(|it| it.output().done());
        let shown = ve.show();
        for (word, key, value) in [
            ("processes", "processes_limit", processes),
            ("cpuunits", "cpu_units", units),
        ] {
            assert_eq!(shown["settings"][word], json!(value.to_string()));
            assert_eq!(shown["kernel"][key], json!(value));
        }
        assert_eq!(
            shown["kernel"]["memory_limit_bytes"],
            json!((200 + round) << 20)
        );
    }
}
