//! OpenRC as PID 1 (openrc-init): its run levels are entered here.
//!
//! openrc-init(8), openrc-shutdown(8), OpenRC 0.40 to 0.62.

use nix::sys::signal::Signal;
use veld_protocol::init::Options;
use veld_protocol::kind::{LONGEST_TABLE, Look};

use super::root::Root;
use super::{Manners, PLAIN};
use crate::getty;
use crate::plan::{Job, Plan, Step};
use crate::supervise::{Ear, End, Event};

pub(super) static MANNERS: Manners = Manners {
    load,
    meaning,
    ear: Some(Ear::Openrc),
    ..PLAIN
};

const CONFIG: &str = "/etc/rc.conf";

fn load(options: &Options) -> Plan {
    let enter = |levels: &[&str]| {
        let process = |level: &&str| format!("/sbin/openrc {level}");
        let processes = levels.iter().map(process);
        let steps = processes.map(|process| Step::awaited(Job::new("openrc-init", process)));
        steps.collect()
    };
    Plan {
        boot: enter(&["sysinit", "boot", &default_level()]),
        entries: getty::on_console(options.getty),
        shutdown: enter(&["shutdown"]),
        reboot: Some(enter(&["reboot"])),
        single: Some(Job::new("openrc-init", "/sbin/openrc single")),
        ..Plan::default()
    }
}

/// The run level to live in, as rc.conf may name it.
fn default_level() -> String {
    let text = Root.start(CONFIG, LONGEST_TABLE).unwrap_or_default();
    named_level(&String::from_utf8_lossy(&text)).unwrap_or_else(|| "default".to_owned())
}

/// The last `rc_default_runlevel="NAME"` that names a directory of run levels.
fn named_level(config: &str) -> Option<String> {
    let mut values = config
        .lines()
        .filter_map(|line| line.trim().strip_prefix("rc_default_runlevel="));
    let value = values.next_back()?.trim_matches(['"', '\'', ' ']);
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    (!value.is_empty() && value.chars().all(fits)).then(|| value.to_owned())
}

fn meaning(signal: i32) -> Option<Event> {
    let table = [
        (Signal::SIGINT, Event::Stop(End::Reboot)),
        (Signal::SIGTERM, Event::Stop(End::PowerOff)),
        (Signal::SIGPWR, Event::Stop(End::Halt)),
    ];
    super::among(&table, signal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_level_to_live_in_may_be_named() {
        assert_eq!(
            named_level("rc_default_runlevel=\"web\"\n"),
            Some("web".into())
        );
        assert_eq!(named_level("#rc_default_runlevel=web\n"), None);
        assert_eq!(named_level("rc_default_runlevel='a; reboot'\n"), None);
    }
}
