//! Each command on one VE, and on one that is not in the state for it.

use veld_tests::{Template, environment, host, namespace};

#[test]
fn a_ve_is_created_started_entered_stopped_and_destroyed() {
    let host = host!();
    let created = host.veld(["create", "web1", "-t", &Template::Busybox.name()]);
    assert_eq!(
        created.ok().stdout,
        "web1: created, id 101, 10.117.0.101 fd76:656c:64::65\n"
    );
    let ve = host.existing("web1");
    assert_eq!(ve.status(), "stopped");
    assert_eq!(ve.veld("start", [""; 0]).ok().stdout, "web1: started\n");
    ve.becomes("up");
    assert_eq!(ve.exec(["cat", "/proc/1/comm"]).ok().line(), "veld-init");
    assert_eq!(ve.veld("stop", [""; 0]).ok().stdout, "web1: stopped\n");
    assert_eq!(ve.status(), "stopped");
    host.nothing_remains();
    assert_eq!(ve.veld("destroy", [""; 0]).ok().stdout, "web1: destroyed\n");
    ve.veld("show", [""; 0]).fails(1, "veld: web1: no such VE");
    assert_eq!(host.leaks(), Vec::<String>::new());
}

#[test]
fn a_start_that_waits_returns_when_the_services_run() {
    let host = host!();
    let ve = host.ve("web1").create();
    let started = ve.veld("start", ["--wait"]).ok();
    assert!(
        started.stdout.starts_with("web1: started, up in 0."),
        "{}",
        started.stdout
    );
    assert_eq!(ve.status(), "up");
    let processes = ve.exec(["ps", "-o", "args"]).ok().stdout;
    assert!(processes.contains("syslogd -n"), "{processes}");
    assert!(processes.contains("/usr/local/bin/service"), "{processes}");
}

#[test]
fn no_login_prompt_is_started() {
    let host = host!();
    let ve = host.ve("web1").start();
    let processes = ve.exec(["ps", "-o", "args"]).ok().stdout;
    assert!(!processes.contains("getty"), "{processes}");
}

#[test]
fn a_tree_without_an_init_is_a_ve_too() {
    let host = host!(Template::NoInit);
    let ve = host.ve("bare").template(Template::NoInit).start();
    assert_eq!(ve.exec(["id", "-u"]).ok().line(), "0");
    ve.stop();
    host.nothing_remains();
}

#[test]
fn the_id_stands_for_the_name() {
    let host = host!();
    let ve = host.ve("web1").create();
    assert_eq!(ve.show()["id"], 101);
    assert_eq!(
        host.veld(["start", "101", "--wait"])
            .ok()
            .stdout
            .split(':')
            .next(),
        Some("web1")
    );
    assert_eq!(
        host.veld(["exec", "101", "--", "hostname"]).ok().line(),
        "web1"
    );
    assert_eq!(host.veld(["stop", "101"]).ok().stdout, "web1: stopped\n");
    host.veld(["destroy", "101"]).done();
}

#[test]
fn a_restart_is_a_new_pid_1_and_a_stopped_ve_is_just_started() {
    let host = host!();
    let ve = host.ve("web1").start();
    let before = ve.init_pid();
    assert_eq!(ve.veld("restart", [""; 0]).ok().stdout, "web1: restarted\n");
    assert_ne!(ve.init_pid(), before);
    ve.stop();
    ve.veld("restart", ["--wait"]).done();
    assert_eq!(ve.status(), "up");
}

#[test]
fn what_is_written_inside_is_there_after_a_restart_and_gone_after_destroy() {
    let host = host!();
    let ve = host.ve("web1").start();
    ve.sh("echo mine >/root/note").done();
    ve.veld("restart", ["--wait"]).done();
    assert_eq!(ve.exec(["cat", "/root/note"]).ok().line(), "mine");
    ve.stop();
    ve.destroy();
    let ve = host.ve("web1").start();
    assert_eq!(ve.exec(["test", "-e", "/root/note"]).status, 1);
}

#[test]
fn commands_on_a_ve_in_the_wrong_state_are_refused_and_change_nothing() {
    let host = host!();
    let ve = host.ve("web1").create();
    ve.veld("stop", [""; 0])
        .fails(1, "veld: web1: is not running");
    ve.veld("kill", [""; 0])
        .fails(1, "veld: web1: is not running");
    ve.exec(["true"]).fails(125, "veld: web1: is not running");
    ve.veld("console", [""; 0])
        .fails(1, "veld: web1: is not running");
    ve.start();
    let pid = ve.init_pid();
    ve.veld("start", [""; 0])
        .fails(1, "veld: web1: is already running");
    let refused = "veld: web1: is running; stop it first or use --force";
    ve.veld("destroy", [""; 0]).fails(1, refused);
    let template = Template::Busybox.name();
    ve.veld("create", ["-t", &template])
        .fails(1, "veld: web1: exists already");
    assert_eq!((ve.init_pid(), ve.status()), (pid, "up".to_owned()));
}

#[test]
fn destroy_by_force_takes_a_running_ve() {
    let host = host!();
    let ve = host.ve("web1").start();
    ve.veld("destroy", ["--force"]).done();
    assert_eq!(host.leaks(), Vec::<String>::new());
}

#[test]
fn a_dry_run_says_what_would_be_done_and_does_nothing() {
    let host = host!();
    let ve = host
        .ve("web1")
        .with(["--ram", "64M", "--cpus", "1"])
        .create();
    let before = veld_tests::walk(host.directory());
    let said = ve.veld("start", ["--dry-run"]).ok().stdout;
    for line in [
        "web1: would start",
        "id         101",
        "ram        64M",
        "cpus       1",
        "network    eth0 routed, link veld101",
    ] {
        assert!(
            said.lines().any(|other| other == line),
            "no {line:?} in {said}"
        );
    }
    assert_eq!(ve.status(), "stopped");
    assert_eq!(host.remains(), Vec::<String>::new());
    let mut after = veld_tests::walk(host.directory());
    // Taking a lock makes and removes its file, so directories may differ in time.
    after.retain(|path, line| before.get(path) != Some(line));
    assert_eq!(
        after.into_keys().collect::<Vec<_>>(),
        Vec::<std::path::PathBuf>::new()
    );
}

#[test]
fn looking_leaves_no_trace() {
    let host = host!();
    let before = veld_tests::walk(host.directory());
    host.veld(["list", "--all"]).done();
    host.veld(["list", "--json"]).done();
    host.veld(["show", "web1"])
        .fails(1, "veld: web1: no such VE");
    host.veld(["logs", "web1"])
        .fails(1, "veld: web1: no such VE");
    host.veld(["start", "web1", "--dry-run"])
        .fails(1, "veld: web1: no such VE");
    host.veld(["--help"]).done();
    assert_eq!(veld_tests::walk(host.directory()), before);
}

#[test]
fn a_signal_reaches_pid_1() {
    let host = host!();
    let ve = host.ve("web1").start();
    // To BusyBox's init, and so to ours in its place, SIGUSR2 means power-off.
    assert_eq!(
        ve.veld("kill", ["--signal", "USR2"]).ok().stdout,
        "web1: sent signal 12\n"
    );
    ve.becomes("stopped");
    assert_eq!(ve.last_end(), "was powered off from inside");
    ve.start();
    ve.veld("kill", [""; 0]).ok();
    ve.becomes("stopped");
    assert_eq!(ve.last_end(), "its PID 1 was killed by signal 9");
    host.nothing_remains();
}

#[test]
fn the_shim_holds_nothing_of_its_starter() {
    let host = host!();
    let ve = host.ve("web1").create();
    ve.cmd("start", ["--wait"])
        .env("SECRET", "yes")
        .run()
        .done();
    let shim = ve.shim_pid();
    let foreign: Vec<String> = environment(shim)
        .into_iter()
        .filter(|variable| !variable.starts_with("PATH=") && !variable.starts_with("VELD_"))
        .collect();
    assert_eq!(foreign, Vec::<String>::new());
    assert_eq!(
        std::fs::read_link(format!("/proc/{shim}/cwd"))
            .unwrap()
            .to_str(),
        Some("/")
    );
    // Not in the mount namespace that the VE was put together in either.
    let me = std::process::id().cast_signed();
    assert_eq!(namespace(shim, "mnt"), namespace(me, "mnt"));
}

#[test]
fn a_ve_has_its_name_as_hostname_and_the_hosts_resolver_or_its_own() {
    let host = host!();
    let web = host.ve("web1").start();
    assert_eq!(web.exec(["hostname"]).ok().line(), "web1");
    assert_eq!(web.exec(["cat", "/etc/hostname"]).ok().line(), "web1");
    assert!(
        web.exec(["cat", "/etc/hosts"])
            .ok()
            .stdout
            .contains("127.0.1.1\tweb1\n")
    );
    let own = [
        "--hostname",
        "db.example.org",
        "--dns",
        "192.0.2.53",
        "--dns",
        "2001:db8::53",
    ];
    let db = host.ve("db").with(own).start();
    assert_eq!(db.exec(["hostname"]).ok().line(), "db.example.org");
    let resolver = db.exec(["cat", "/etc/resolv.conf"]).ok().stdout;
    assert_eq!(resolver, "nameserver 192.0.2.53\nnameserver 2001:db8::53\n");
}
