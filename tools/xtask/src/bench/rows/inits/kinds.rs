//! The inits that are measured, and when each counts as up.
//!
//! | init | it is up when |
//! |---|---|
//! | systemd | its own `systemctl is-system-running --wait` says `running`; it is asked from the moment that the bus has a socket |
//! | sysvinit, OpenRC, BusyBox | cron runs, which only the last run level starts, and no script of a level is a child of PID 1 any more |
//! | runit | stage 2 has become runsvdir, which it does when all scripts have ended |
//! | Finit | its condition `hook/sys/up` is there |
//! | a command | it executes: as PID 1 under LXC, as a child of veld's init under veld |
//!
//! All but the first are looked at from the host, through /proc, in the same way
//! on both sides.

use std::path::Path;

use super::super::super::process::{children, name};

/// A distribution and its init.
#[derive(Debug)]
pub(super) struct Kind {
    /// The name of its container.
    pub(super) name: &'static str,
    /// For people.
    pub(super) title: &'static str,
    pub(super) suite: &'static str,
    /// What the template is built with.
    pub(super) init: &'static str,
    /// What is PID 1 in place of that.
    pub(super) command: &'static [&'static str],
    pub(super) up: Up,
}

/// When a distribution counts as up.
#[derive(Debug, Clone, Copy)]
pub(super) enum Up {
    /// It says so.
    Says,
    /// This is there.
    Has(&'static str),
    /// PID 1 or a child of it is called `runs`, and no child is called otherwise
    /// than allowed.
    Runs {
        runs: &'static str,
        ended: &'static [&'static str],
    },
}

/// Where systemd listens for those who ask it.
pub(super) const BUS: &str = "run/dbus/system_bus_socket";

const SCRIPTS: Up = Up::Runs {
    runs: "cron",
    ended: &["rc", "rcS", "openrc", "run-parts"],
};

/// All of them.
pub(super) const ALL: &[Kind] = &[
    systemd("bullseye", "systemd of Debian 11"),
    systemd("bookworm", "systemd of Debian 12"),
    systemd("trixie", "systemd of Debian 13"),
    systemd("sid", "systemd of Debian sid"),
    other("sysvinit", "sysvinit", "bookworm", SCRIPTS),
    other("openrc", "OpenRC on sysvinit", "bookworm", SCRIPTS),
    other("openrc-init", "openrc-init", "bookworm", SCRIPTS),
    other("busybox", "BusyBox", "bookworm", SCRIPTS),
    other(
        "runit",
        "runit",
        "trixie",
        Up::Runs {
            runs: "runsvdir",
            ended: &[],
        },
    ),
    other(
        "finit",
        "Finit",
        "trixie",
        Up::Has("run/finit/cond/hook/sys/up"),
    ),
    Kind {
        name: "command",
        title: "cron as a command",
        suite: "bookworm",
        init: "sysvinit",
        command: &["/usr/sbin/cron", "-f"],
        up: Up::Runs {
            runs: "cron",
            ended: &[],
        },
    },
];

const fn systemd(suite: &'static str, title: &'static str) -> Kind {
    Kind {
        name: suite,
        title,
        suite,
        init: "systemd",
        command: &[],
        up: Up::Says,
    }
}

const fn other(init: &'static str, title: &'static str, suite: &'static str, up: Up) -> Kind {
    Kind {
        name: init,
        title,
        suite,
        init,
        command: &[],
        up,
    }
}

impl Up {
    /// Whether it can be seen from the host that the container of this PID 1 is
    /// up; of one that says so, whether it can be asked.
    pub(super) fn is_seen(self, init: u32) -> bool {
        match self {
            Self::Says => is_there(init, BUS),
            Self::Has(path) => is_there(init, path),
            Self::Runs { runs, ended } => {
                let names: Vec<String> = children(init).into_iter().map(name).collect();
                let runs = name(init) == runs || names.iter().any(|name| name == runs);
                runs && !names.iter().any(|name| ended.contains(&name.as_str()))
            }
        }
    }
}

fn is_there(init: u32, path: &str) -> bool {
    let root = format!("/proc/{init}/root");
    Path::new(&root).join(path).symlink_metadata().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_a_name_of_its_own() {
        let mut names: Vec<&str> = ALL.iter().map(|kind| kind.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len());
    }

    #[test]
    fn it_is_seen_from_the_host_what_runs_and_what_is_there() {
        let me = std::process::id();
        assert!(Up::Has("proc/self").is_seen(me));
        assert!(!Up::Has("no/such/file").is_seen(me));
        let own: &'static str = name(me).leak();
        let runs = |runs, ended| Up::Runs { runs, ended }.is_seen(me);
        assert!(runs(own, &["rc"]));
        assert!(!runs("rc", &[]));
    }
}
