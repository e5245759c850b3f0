//! A program that was brought in is a process of the VE like any other.

use veld_tests::{Host, alive, eventually, host, namespace, status_field};

/// Capabilities that no process of a VE ever has, by their numbers in
/// capabilities(7): `sys_module`, `sys_rawio`, `sys_time`, `audit_control`,
/// `mac_override`, `mac_admin`, `audit_read`.
const NEVER: [u32; 7] = [16, 17, 25, 30, 32, 33, 37];

#[test]
fn it_is_in_every_namespace_of_pid_1() {
    let host = host!();
    let ve = host.ve("web1").start();
    let kinds = [
        "user",
        "pid",
        "mnt",
        "net",
        "uts",
        "ipc",
        "cgroup",
        "pid_for_children",
    ];
    for kind in kinds {
        let inside = ve.exec(["readlink", &format!("/proc/self/ns/{kind}")]).ok();
        assert_eq!(inside.line(), namespace(ve.init_pid(), kind), "{kind}");
        let own = namespace(std::process::id().cast_signed(), kind);
        assert_ne!(inside.line(), own, "{kind}");
    }
}

#[test]
fn it_is_in_the_ves_group_in_every_hierarchy() {
    let host = host!();
    let ve = host.ve("web1").start();
    let _running = ve.exec_cmd([""; 0], ["sleep", "4242"]).spawn();
    let pid = eventually("the program runs", || {
        ve.group().processes().into_iter().find(|pid| {
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            line == b"sleep\x004242\x00"
        })
    });
    let groups = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
    let own = format!("/{}/web1", host.cgroup_parent());
    for line in groups.lines() {
        let path = line.splitn(3, ':').nth(2).unwrap();
        assert!(
            path == own || path.starts_with(&format!("{own}/")),
            "{line}"
        );
    }
    assert!(ve.group().absent().is_empty(), "{:?}", ve.group().absent());
    assert!(groups.lines().count() >= ve.group().present().len());
    let shown = ve.exec(["cat", "/proc/self/cgroup"]).ok();
    assert!(
        !shown.stdout.contains(host.cgroup_parent()),
        "{}",
        shown.stdout
    );
}

#[test]
fn it_has_no_capability_that_pid_1_lacks_and_none_of_the_withheld() {
    let host = host!();
    let ve = host.ve("web1").start();
    let bounding = |text: &str| u64::from_str_radix(text, 16).unwrap();
    let of_init = bounding(&status_field(ve.init_pid(), "CapBnd"));
    let script =
        "sed -n 's/^Cap[PEB][a-z]*:.//p; s/^CapInh:.//p; s/^CapAmb:.//p' /proc/self/status";
    let shown = ve.sh(script).ok();
    let sets: Vec<u64> = shown.lines().map(bounding).collect();
    let [inheritable, permitted, effective, bound, ambient] = sets.as_slice() else {
        panic!("{}", shown.stdout);
    };
    assert_eq!((*inheritable, *ambient), (0, 0));
    assert_eq!(
        (*permitted, *effective, *bound),
        (of_init, of_init, of_init)
    );
    for number in NEVER {
        assert_eq!(of_init & (1 << number), 0, "capability {number}");
    }
    let shown = ve.exec_with(["-u", "alice"], ["sh", "-c", script]).ok();
    let sets: Vec<u64> = shown.lines().map(bounding).collect();
    assert_eq!(sets, [0, 0, 0, of_init, 0]);
}

#[test]
fn it_has_three_descriptors_whatever_the_caller_has() {
    let host = host!();
    let ve = host.ve("web1").start();
    ve.bring_probe();
    let program = Host::program().display().to_string();
    let line = format!(
        "exec 7</etc/passwd 8</ 9>/dev/null; exec {program} exec web1 -- /var/probe descriptors"
    );
    let seen = veld_tests::Cmd::program("sh", ["-c", &line])
        .env("VELD_CONFIG", host.config())
        .run()
        .ok();
    let numbers: Vec<&str> = seen
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(number, _)| number)
        .collect();
    assert_eq!(numbers, ["0", "1", "2"], "{}", seen.stdout);
}

#[test]
fn it_leads_a_session_of_its_own() {
    let host = host!();
    let ve = host.ve("web1").start();
    // Fields 1, 5 and 6: number, process group, session.
    let stat = ve
        .exec(["awk", "{print $1 == $5 && $5 == $6}", "/proc/self/stat"])
        .ok();
    assert_eq!(stat.line(), "1");
}

#[test]
fn it_has_limits_and_a_mask_of_its_own() {
    let host = host!();
    host.ve("web1").start();
    let program = Host::program().display().to_string();
    let line = format!(
        "umask 077; ulimit -S -n 64; ulimit -c unlimited; {program} exec web1 -- sh -c 'umask; ulimit -n; ulimit -c'"
    );
    let seen = veld_tests::Cmd::program("sh", ["-c", &line])
        .env("VELD_CONFIG", host.config())
        .run()
        .ok();
    assert_eq!(seen.lines().collect::<Vec<_>>(), ["0022", "1024", "0"]);
}

#[test]
fn the_command_itself_cannot_be_seen_into_by_the_ve() {
    let host = host!();
    let ve = host.ve("web1").start();
    let mut running = ve.exec_cmd([""; 0], ["sleep", "4242"]).spawn();
    let pid = eventually("the program runs", || {
        let found = ve.exec(["pidof", "sleep"]).stdout;
        found.split_whitespace().next()?.parse::<i32>().ok()
    });
    // The program is a process of the VE's; the command that waits for it is not.
    assert!(pid > 1);
    let command = running.pid();
    assert!(alive(command));
    assert_ne!(namespace(command, "pid"), namespace(ve.init_pid(), "pid"));
    assert_ne!(namespace(command, "user"), namespace(ve.init_pid(), "user"));
    running.kill();
}
