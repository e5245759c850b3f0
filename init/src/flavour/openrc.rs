//! OpenRC as PID 1 (openrc-init): its run levels are entered here.
//!
//! openrc-init(8), openrc-shutdown(8), OpenRC 0.40 to 0.62.

use nix::sys::signal::Signal;
use veld_protocol::init::Options;

use super::{AfterMain, Manners};
use crate::getty;
use crate::plan::{Job, Plan, Step};
use crate::supervise::{Ear, End, Event};

pub(super) static MANNERS: Manners = Manners {
    load,
    meaning,
    ear: Some(Ear::Openrc),
    after_main: |_| AfterMain::Stop(End::Halt),
    is_up: |_| true,
    forwards: false,
};

fn load(options: &Options) -> Plan {
    let enter = |levels: &[&str]| {
        let process = |level: &&str| format!("/sbin/openrc {level}");
        let processes = levels.iter().map(process);
        let steps = processes.map(|process| Step::awaited(Job::new("openrc-init", process)));
        steps.collect()
    };
    Plan {
        boot: enter(&["sysinit", "boot", "default"]),
        entries: getty::on_console(options.getty),
        shutdown: enter(&["shutdown"]),
        reboot: Some(enter(&["reboot"])),
        ..Plan::default()
    }
}

fn meaning(signal: i32) -> Option<Event> {
    super::among(&[(Signal::SIGINT, Event::Stop(End::Reboot))], signal)
}
