//! Attacks on memory: what is over the limit ends inside the VE, and only there.

use std::fs;
use std::time::Duration;

use rustix::process::Signal;
use veld_tests::{
    Cgroup, Cmd, Host, Output, Running, Ve, alive, host, needs_v1, needs_v2, probe, signal, until,
};

const MEBIBYTE: u64 = 1 << 20;
const RAM: u64 = 64 * MEBIBYTE;

/// What must outlive every attack: a process of the host's that the kernel would
/// kill before all others were the host out of memory, and a VE beside.
struct Bystanders<'h> {
    process: Running,
    pid: i32,
    ve: Ve<'h>,
    init: i32,
}

impl<'h> Bystanders<'h> {
    fn of(host: &'h Host) -> Self {
        let said = host.directory().join("bystander");
        let script =
            format!("echo 1000 >/proc/self/oom_score_adj; echo $$ >{said:?}; exec sleep 1000");
        let process = Cmd::program("sh", ["-c", &script]).spawn();
        let pid = || fs::read_to_string(&said).ok()?.trim().parse().ok();
        let pid = veld_tests::eventually("the bystander is there", pid);
        let ve = host.ve("beside").with(["--network", "none"]).start();
        let init = ve.init_pid();
        Self {
            process,
            pid,
            ve,
            init,
        }
    }

    fn are_unharmed(self) {
        assert!(alive(self.pid), "a process of the host was killed");
        assert_eq!(self.ve.init_pid(), self.init);
        assert_eq!(self.ve.exec(["hostname"]).ok().line(), "beside");
        let killed = killed(&self.ve.group());
        assert_eq!(killed, 0, "of the VE beside");
        signal(self.pid, Signal::KILL);
        drop(self.process);
    }
}

/// How many processes of a group the kernel has killed for want of its memory; of one
/// that has gone, none.
fn killed(group: &Cgroup) -> u64 {
    let events = group.knob(&["memory.oom_control", "memory.events"]);
    let events = events.unwrap_or_else(|| "oom_kill 0".to_owned());
    let kills = events
        .lines()
        .find_map(|line| line.strip_prefix("oom_kill "));
    kills.unwrap().parse().unwrap()
}

/// The most memory that a group has had, and what its sockets have now where
/// that is counted apart.
fn most(group: &Cgroup) -> (u64, u64) {
    let number = |names: &[&str]| Some(group.knob(names)?.parse().unwrap());
    let all = number(&["memory.max_usage_in_bytes", "memory.peak"]);
    let sockets = number(&["memory.kmem.tcp.max_usage_in_bytes"]);
    (all.unwrap_or_default(), sockets.unwrap_or_default())
}

fn small<'h>(host: &'h Host) -> Ve<'h> {
    let ram = RAM.to_string();
    let ve = host
        .ve("small")
        .with(["--network", "none", "--ram", &ram, "--swap", "0"]);
    let ve = ve.start();
    ve.bring_probe();
    ve
}

/// Asks the probe, and looks at the group meanwhile: it may go with the VE.
fn attack(ve: &Ve<'_>, question: &[&str]) -> (Output, u64) {
    let group = ve.group();
    let words = [probe::INSIDE].into_iter().chain(question.iter().copied());
    let mut running = ve.exec_cmd([""; 0], words).spawn();
    let mut highest = 0;
    while !running.has_ended() {
        highest = highest.max(most(&group).0);
        std::thread::sleep(Duration::from_millis(1));
    }
    (running.output(), highest.max(most(&group).0))
}

/// The attack is killed for want of memory. What only the kernel has for it is on
/// no process's account, so PID 1 may be killed before it: then the VE has ended.
fn is_killed_for(question: &[&str]) {
    let host = host!();
    let bystanders = Bystanders::of(&host);
    let ve = small(&host);
    let (attacked, highest) = attack(&ve, question);
    let said = format!("{}{}", attacked.stdout, attacked.stderr);
    assert_eq!(attacked.status, 137, "{said}");
    assert!(highest > RAM / 2 && highest <= RAM, "{highest}");
    until("it is up or has ended", || {
        ["up", "stopped"].contains(&ve.status().as_str())
    });
    bystanders.are_unharmed();
}

#[test]
fn anonymous_memory_over_the_limit_is_killed_for() {
    is_killed_for(&["eat", "200"]);
}

#[test]
fn pipes_over_the_limit_are_killed_for() {
    is_killed_for(&["fill-pipes", "200", "1000"]);
}

#[test]
fn local_sockets_over_the_limit_are_killed_for() {
    is_killed_for(&["fill-sockets", "unix", "200", "1000"]);
}

#[test]
fn connections_over_the_limit_are_killed_for_where_they_count_with_the_rest() {
    needs_v2!();
    let host = host!();
    let bystanders = Bystanders::of(&host);
    let ve = small(&host);
    let (attacked, highest) = attack(&ve, &["fill-sockets", "tcp", "300", "1000"]);
    assert_eq!(attacked.status, 137, "{attacked:?}");
    // What a connection may have at least is never refused it.
    assert!(highest <= RAM + RAM / 4, "{highest}");
    bystanders.are_unharmed();
}

#[test]
fn connections_buffer_a_part_of_the_limit_besides_where_they_count_apart() {
    needs_v1!();
    let host = host!();
    let bystanders = Bystanders::of(&host);
    let ve = small(&host);
    let group = ve.group();
    // What a connection may have at least it has, full or not: so there are few.
    let attacked = ve.sh("ulimit -n 300; exec /var/probe fill-sockets tcp 300 1000");
    assert!(attacked.stdout.ends_with("EMFILE\n"), "{attacked:?}");
    let (all, sockets) = most(&group);
    assert!(all <= RAM, "{all}");
    assert!(sockets >= RAM / 8, "{sockets}");
    assert!(sockets <= RAM / 2, "{sockets}");
    assert_eq!(ve.status(), "up");
    assert_eq!(ve.exec(["hostname"]).ok().line(), "small");
    bystanders.are_unharmed();
}

#[test]
fn files_of_the_disk_leave_memory_instead_of_filling_it() {
    let host = host!();
    let bystanders = Bystanders::of(&host);
    let ve = small(&host);
    let written = ve.probe(["fill-file", "/var/large", "200", "0"]).ok();
    assert_eq!(written.lines().next(), Some("200"));
    assert!(most(&ve.group()).0 <= RAM, "{:?}", most(&ve.group()));
    assert_eq!(killed(&ve.group()), 0);
    bystanders.are_unharmed();
}

#[test]
fn files_in_memory_fill_their_file_system_and_no_more() {
    let host = host!();
    let bystanders = Bystanders::of(&host);
    let ve = small(&host);
    for (file, most) in [("/run/large", RAM / 5), ("/dev/shm/large", RAM / 2)] {
        let written = ve.probe(["fill-file", file, "200", "0"]);
        let lines: Vec<&str> = written.lines().collect();
        let [mebibytes, "ENOSPC"] = lines.as_slice() else {
            panic!("{file}: {written:?}");
        };
        let mebibytes: u64 = mebibytes.parse().unwrap();
        assert!(mebibytes * MEBIBYTE <= most, "{file}: {mebibytes}");
    }
    assert_eq!(killed(&ve.group()), 0);
    bystanders.are_unharmed();
}

#[test]
fn a_file_system_in_memory_of_its_own_ends_the_ve_at_most() {
    let host = host!();
    let bystanders = Bystanders::of(&host);
    let ve = small(&host);
    let group = ve.group();
    // Without a size, and its files stay when the writer has been killed.
    let script =
        "mkdir /tmp/m; mount -t tmpfs m /tmp/m && exec /var/probe fill-file /tmp/m/f 200 0";
    let written = ve.sh(script);
    assert_ne!(written.status, 0, "{}", written.stdout);
    until("somebody is killed for it", || {
        killed(&group) > 0 || group.present().is_empty()
    });
    assert!(most(&group).0 <= RAM, "{:?}", most(&group));
    // Whatever is left of it can be ended.
    let stopped = ve.veld("stop", ["--force"]);
    if stopped.status != 0 {
        until("it has ended", || ve.status() == "stopped");
    }
    bystanders.are_unharmed();
    ve.start();
    assert_eq!(ve.exec(["hostname"]).ok().line(), "small");
}
