//! The life of a VE under each init: it comes up without a prompt, reaps, goes
//! down and comes back by every command that its manual pages have for it.

use veld_tests::{Template, Ve, host, until};

/// An init, and what is to be found of it.
struct Kind {
    template: Template,
    /// The word for it, and whether it becomes PID 1.
    word: &'static str,
    pid_1: &'static str,
    /// Processes of services.
    services: &'static [&'static str],
    /// What reboots, as root types it.
    reboots: &'static [&'static str],
    /// What stops.
    stops: &'static [&'static str],
}

const SYSTEMD: Kind = Kind {
    template: Template::Debian,
    word: "systemd",
    pid_1: "systemd",
    services: &["cron", "dbus-daemon", "systemd-journal"],
    reboots: &[
        "reboot",
        "shutdown -r now",
        "init 6",
        "telinit 6",
        "kill -INT 1",
        "reboot -f",
    ],
    stops: &[
        "poweroff",
        "halt",
        "shutdown -h now",
        "init 0",
        "poweroff -f",
    ],
};

const SYSVINIT: Kind = Kind {
    template: Template::Sysvinit,
    word: "sysvinit",
    pid_1: "veld-init",
    services: &["cron"],
    reboots: SYSTEMD.reboots,
    stops: &[
        "poweroff",
        "halt",
        "shutdown -h now",
        "shutdown -h -P now",
        "init 0",
        "poweroff -f",
    ],
};

const OPENRC: Kind = Kind {
    template: Template::Openrc,
    word: "openrc",
    reboots: &["reboot", "telinit 6", "openrc-shutdown --reboot now"],
    stops: &["halt", "shutdown -h now", "openrc-shutdown --poweroff now"],
    ..SYSVINIT
};

const OPENRC_INIT: Kind = Kind {
    template: Template::OpenrcInit,
    word: "openrc",
    reboots: &["openrc-shutdown --reboot now", "kill -INT 1"],
    stops: &[
        "openrc-shutdown --poweroff now",
        "openrc-shutdown --halt now",
    ],
    ..SYSVINIT
};

const RUNIT: Kind = Kind {
    template: Template::Runit,
    word: "runit",
    services: &["runsvdir", "cron"],
    reboots: &["reboot", "shutdown -r now", "init 6"],
    stops: &["poweroff", "halt", "shutdown -h now", "init 0"],
    ..SYSVINIT
};

const FINIT: Kind = Kind {
    template: Template::Finit,
    word: "finit",
    pid_1: "init",
    services: &["keventd"],
    reboots: &["reboot", "initctl reboot", "init 6"],
    stops: &["poweroff", "halt", "shutdown -h now", "init 0"],
};

const BUSYBOX: Kind = Kind {
    template: Template::BusyboxDebian,
    word: "busybox",
    services: &["cron"],
    reboots: &["busybox reboot", "kill -TERM 1"],
    stops: &["busybox poweroff", "busybox halt", "kill -USR2 1"],
    ..SYSVINIT
};

#[test]
fn a_life_under_systemd() {
    live(&SYSTEMD);
}

#[test]
fn a_life_under_sysvinit() {
    live(&SYSVINIT);
}

#[test]
fn a_life_under_openrc() {
    live(&OPENRC);
}

#[test]
fn a_life_under_openrc_init() {
    live(&OPENRC_INIT);
}

#[test]
fn a_life_under_runit() {
    live(&RUNIT);
}

#[test]
fn a_life_under_finit() {
    live(&FINIT);
}

#[test]
fn a_life_under_busybox() {
    live(&BUSYBOX);
}

fn live(kind: &Kind) {
    let host = host!(kind.template);
    let ve = host.ve("deb").template(kind.template).start();
    is_up(&ve, kind);
    reaps(&ve);
    for command in kind.reboots {
        let before = ve.init_pid();
        run_the_last(&ve, command);
        until(&format!("{command}: another PID 1 is up"), || {
            let shown = ve.show();
            shown["status"] == "up" && shown["init_pid"] != before
        });
        is_up(&ve, kind);
    }
    for command in kind.stops {
        run_the_last(&ve, command);
        until(&format!("{command}: the VE has stopped"), || {
            ve.status() == "stopped"
        });
        assert_eq!(ve.last_end(), "was powered off from inside", "{command}");
        ve.start();
    }
    ve.stop();
    host.nothing_remains();
}

/// Runs a command that takes its own caller down, sooner or later.
fn run_the_last(ve: &Ve<'_>, command: &str) {
    let status = ve.exec(command.split(' ')).status;
    // What it says when it is ended meanwhile is its own affair; it was executed.
    assert!(![126, 127].contains(&status), "{command}: {status}");
}

fn is_up(ve: &Ve<'_>, kind: &Kind) {
    assert_eq!(ve.exec(["cat", "/proc/1/comm"]).ok().line(), kind.pid_1);
    let found = std::fs::read_to_string(ve.run_directory().join("init")).unwrap();
    assert_eq!(found.split(' ').next(), Some(kind.word), "{found}");
    for service in kind.services {
        // Some go to the background before they are what they are.
        until(&format!("{service} runs"), || {
            ve.sh("cat /proc/[0-9]*/comm").stdout.contains(service)
        });
    }
    until("nobody waits at a terminal", || {
        let names = ve.sh("cat /proc/[0-9]*/comm").stdout;
        !names.contains("getty") && !names.contains("login\n")
    });
}

fn reaps(ve: &Ve<'_>) {
    ve.sh("i=0; while [ $i -lt 1000 ]; do (true &); i=$((i+1)); done")
        .ok();
    until("no zombie is left", || {
        let states = ve.sh("cat /proc/[0-9]*/stat");
        !states.stdout.contains(") Z ")
    });
}

#[test]
fn run_levels_can_be_changed_and_asked_for_under_sysvinit() {
    let host = host!(Template::Sysvinit);
    let ve = host.ve("deb").template(Template::Sysvinit).start();
    // A script that ends all processes ends this one too.
    let level = |ve: &Ve<'_>| ve.exec(["runlevel"]).stdout.trim_end().to_owned();
    assert_eq!(level(&ve), "N 2");
    assert!(ve.exec(["who", "-r"]).ok().line().contains("run-level 2"));
    assert!(ve.exec(["who", "-b"]).ok().line().contains("system boot"));
    ve.exec(["telinit", "3"]).ok();
    until("level 3 is entered", || level(&ve) == "2 3");
    ve.exec(["telinit", "q"]).ok();
    ve.exec(["telinit", "2"]).ok();
    until("level 2 is entered again", || level(&ve) == "3 2");
    until("and its services run", || {
        ve.exec(["pidof", "cron"]).status == 0
    });
    // Single user: nothing but what is needed, and no prompt for a password.
    ve.exec(["telinit", "1"]).ok();
    until("one user is alone", || level(&ve).ends_with(" S"));
    assert!(!ve.sh("cat /proc/[0-9]*/comm").stdout.contains("sulogin"));
    ve.stop();
}

#[test]
fn a_command_is_a_ve_that_ends_as_it_does() {
    let host = host!(Template::NoInit);
    let command = "/bin/sh -c 'trap \"exit 3\" HUP; while :; do sleep 0.1; done'";
    let ve = host
        .ve("app")
        .template(Template::NoInit)
        .with(["--init", command])
        .start();
    let shown = ve.show();
    assert_eq!(
        (&shown["init"]["kind"], &shown["init"]["is_pid_1"]),
        (&"none".into(), &false.into())
    );
    reaps(&ve);
    ve.veld("kill", ["--signal", "HUP"]).ok();
    ve.becomes("stopped");
    assert_eq!(ve.last_end(), "its PID 1 exited with status 3");
    ve.start();
    ve.stop();
    assert_eq!(ve.last_end(), "was stopped");
}

#[test]
fn a_directory_of_services_is_a_ve_that_keeps_them() {
    let host = host!(Template::NoInit);
    let ve = host
        .ve("app")
        .template(Template::NoInit)
        .with(["--init", "/srv"])
        .create();
    let services = ve.directory().join("private/upper/srv");
    std::fs::create_dir_all(services.join("web")).unwrap();
    for (name, script) in [
        ("cron", "#!/bin/sh\nexec sleep 1000\n"),
        ("web/run", "#!/bin/sh\nexec sleep 2000\n"),
        ("broken", "#!/bin/sh\nexit 1\n"),
    ] {
        let path = services.join(name);
        std::fs::write(&path, script).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&path, mode).unwrap();
    }
    // One that waits for long enough sees the broken one, too, and says so.
    host.veld(["start", "app", "--wait"]).ok();
    until("both run", || {
        let lines = ve.exec(["ps", "-o", "args"]).stdout;
        lines.contains("sleep 1000") && lines.contains("sleep 2000")
    });
    until("the broken one is told", || {
        ve.show()["failed_services"] == serde_json::json!(["broken"])
    });
    assert_eq!(ve.status(), "degraded");
    ve.stop();
}

#[test]
fn openrc_starts_nothing_that_is_not_for_containers() {
    for template in [Template::Openrc, Template::OpenrcInit] {
        let host = host!(template);
        let ve = host.ve("deb").template(template).start();
        for (name, keyword) in [("machine", "keyword -lxc"), ("any", "true")] {
            let script = format!(
                "#!/sbin/openrc-run\ndepend() {{ {keyword}; }}\nstart() {{ touch /run/{name}; }}\n"
            );
            ve.put(&format!("/etc/init.d/{name}"), script, "755");
            ve.exec(["rc-update", "add", name, "default"]).ok();
        }
        ve.stop();
        ve.start();
        ve.exec(["test", "-e", "/run/any"]).ok();
        assert_eq!(ve.exec(["test", "-e", "/run/machine"]).status, 1);
    }
}

#[test]
fn a_wanted_prompt_lets_root_in_on_the_console_of_every_init() {
    let templates = [
        Template::Debian,
        Template::Sysvinit,
        Template::OpenrcInit,
        Template::Runit,
        Template::Finit,
    ];
    for template in templates {
        let host = host!(template);
        let ve = host.ve("deb").template(template).with(["--getty"]).start();
        ve.sh("echo root:a-secret | chpasswd").ok();
        let mut console = host.terminal(["console", "deb"]);
        let begun = std::time::Instant::now();
        // A getty may ask for Enter first, and forgets what came before it.
        while !console.shown().contains("login:") && begun.elapsed().as_secs() < 20 {
            console.type_in("\r");
            std::thread::sleep(std::time::Duration::from_millis(200));
        }
        console.type_in("root\r");
        console.shows("Password:");
        console.type_in("a-secret\r");
        console.shows("# ");
        console.type_in("echo I am $(id -un) on $(tty)\r");
        console.shows("I am root on /dev/");
        console.clear();
        console.type_in("exit\r");
        until("the prompt is back", || {
            console.type_in("\r");
            std::thread::sleep(std::time::Duration::from_millis(200));
            console.shown().contains("login:")
        });
        ve.stop();
    }
}
