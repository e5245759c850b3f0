//! System V's init: its /etc/inittab is carried out here, run levels and all, and
//! /etc/rc*.d through the distribution's own `rc`. OpenRC on it is lines of that
//! table, or takes the place of `rc`.
//!
//! init(8), inittab(5), telinit(8) of sysvinit 2.96 to 3.14.

use nix::sys::signal::Signal;
use veld_protocol::init::Options;
use veld_protocol::kind::Look;

use super::root::Root;
use super::table::Table;
use super::{Manners, PLAIN};
use crate::inittab::{Action, Dialect};
use crate::level::{Level, Levels};
use crate::plan::{Plan, Power, Step, When};
use crate::supervise::{Ear, Event};

pub(super) static MANNERS: Manners = Manners {
    load,
    meaning,
    ear: Some(Ear::Initctl),
    ..PLAIN
};

/// Without a table System V's init asks for a run level and offers a shell.
const NONE: (&str, &str) = ("no inittab", "");

/// Where monitors of power supplies leave a letter for init; powerd(8).
const POWER_STATUS: [&str; 3] = [
    "/run/powerstatus",
    "/var/run/powerstatus",
    "/etc/powerstatus",
];

fn load(options: &Options) -> Plan {
    plan(&Table::read(Dialect::SystemV, NONE, options.getty))
}

fn plan(table: &Table) -> Plan {
    let steps = |action, wait| {
        let jobs = table.jobs(action).into_iter();
        jobs.map(move |job| Step { job, wait })
    };
    let mut boot: Vec<Step> = steps(Action::Sysinit, true).collect();
    boot.extend(steps(Action::Boot, false));
    boot.extend(steps(Action::Bootwait, true));
    let mut entries = table.entries(Action::Wait, When::Wait);
    entries.extend(table.entries(Action::Once, When::Once));
    entries.extend(table.entries(Action::Respawn, When::Keep));
    let power = [
        (Power::Fails, Action::PowerWait),
        (Power::Fails, Action::PowerFail),
        (Power::FailsNow, Action::PowerFailNow),
        (Power::Back, Action::PowerOkWait),
    ];
    let power = power.into_iter().flat_map(|(what, action)| {
        let jobs = table.jobs(action).into_iter();
        jobs.map(move |job| (what, job))
    });
    let lines = table.lines(Action::CtrlAltDel);
    Plan {
        boot,
        level: Some(first_level(table)),
        entries,
        ctrl_alt_del: lines.map(|line| (line.levels, table.job(line))).collect(),
        power: power.collect(),
        ends_removed: true,
        ..Plan::default()
    }
}

/// The highest level of the initdefault line; one in which everything stops would
/// make a VE that cannot start.
fn first_level(table: &Table) -> Level {
    let named = table.lines(Action::InitDefault).next();
    let levels = named.map(|line| line.levels);
    let candidates = b"98754321S".iter().copied().filter_map(Level::from_byte);
    levels
        .and_then(|levels| candidates.clone().find(|level| levels.contain(*level)))
        .filter(|_| levels != Some(Levels::NUMBERED))
        .unwrap_or(Level::USUAL)
}

fn meaning(signal: i32) -> Option<Event> {
    if signal == Signal::SIGPWR as i32 {
        return Some(Event::Power(power_status()));
    }
    let table = [
        (Signal::SIGHUP, Event::Reload),
        (Signal::SIGINT, Event::CtrlAltDel),
    ];
    super::among(&table, signal)
}

/// What the monitor of the power supply wrote, which counts once; without a word of
/// it power fails.
fn power_status() -> Power {
    let letter = POWER_STATUS.into_iter().find_map(|path| {
        let letter = Root.start(path, 1)?.first().copied()?;
        let _ = std::fs::remove_file(path);
        Some(letter)
    });
    match letter {
        Some(b'O') => Power::Back,
        Some(b'L') => Power::FailsNow,
        _ => Power::Fails,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Debian ships, shortened.
    const DEBIAN: &str = "\
id:2:initdefault:
si::sysinit:/etc/init.d/rcS
~~:S:wait:/sbin/sulogin --force
l0:0:wait:/etc/init.d/rc 0
l2:2:wait:/etc/init.d/rc 2
l3:3:wait:/etc/init.d/rc 3
l6:6:wait:/etc/init.d/rc 6
z6:6:respawn:/sbin/sulogin --force
ca:12345:ctrlaltdel:/sbin/shutdown -t1 -a -r now
pf::powerwait:/etc/init.d/powerfail start
pn::powerfailnow:/etc/init.d/powerfail now
po::powerokwait:/etc/init.d/powerfail stop
1:2345:respawn:/sbin/getty --noclear 38400 tty98
2:23:respawn:/sbin/getty 38400 tty99
#T0:23:respawn:/sbin/getty -L ttyS0 9600 vt100
d1:23:respawn:+/usr/sbin/daemon # not a comment
x:a:ondemand:/bin/demand
";

    fn plan_of(text: &str, getty: bool) -> Plan {
        plan(&Table::parse(
            "inittab",
            text.as_bytes(),
            Dialect::SystemV,
            getty,
        ))
    }

    fn kept(plan: &Plan, level: u8) -> Vec<String> {
        let jobs = plan.of(Level::from_byte(level), When::Keep);
        jobs.map(|job| job.process.clone()).collect()
    }

    #[test]
    fn debians_table_is_carried_out_by_level_and_without_prompts() {
        let plan = plan_of(DEBIAN, false);
        assert_eq!(plan.level, Some(Level::USUAL));
        let processes = |steps: Vec<Step>| -> Vec<String> {
            steps.into_iter().map(|step| step.job.process).collect()
        };
        assert_eq!(processes(plan.boot.clone()), ["/etc/init.d/rcS"]);
        assert_eq!(processes(plan.awaited(plan.level)), ["/etc/init.d/rc 2"]);
        assert_eq!(processes(plan.last_steps(false)), ["/etc/init.d/rc 0"]);
        assert_eq!(processes(plan.last_steps(true)), ["/etc/init.d/rc 6"]);
        assert_eq!(processes(plan.awaited(Some(Level::SINGLE))), [""; 0]);
        assert_eq!(kept(&plan, b'2'), ["/usr/sbin/daemon # not a comment"]);
        assert_eq!(kept(&plan, b'6'), [""; 0]);
        assert_eq!(kept(&plan, b'a'), ["/bin/demand"]);
        let power: Vec<Power> = plan.power.iter().map(|(power, _)| *power).collect();
        assert_eq!(power, [Power::Fails, Power::FailsNow, Power::Back]);
        assert!(plan.ctrl_alt_del[0].0.contain(Level::USUAL));
        assert!(!plan.ctrl_alt_del[0].0.contain(Level::HALT));
    }

    #[test]
    fn a_wanted_prompt_is_one_and_on_the_console() {
        let kept = kept(&plan_of(DEBIAN, true), b'2');
        assert_eq!(kept[0], "/sbin/getty --noclear 38400 console");
        assert_eq!(kept.len(), 2, "{kept:?}");
    }

    #[test]
    fn the_first_level_is_one_to_live_in() {
        let first = |text: &str| plan_of(text, false).level.unwrap().char();
        assert_eq!(first("id:3:initdefault:\n"), '3');
        assert_eq!(first("id:S:initdefault:\n"), 'S');
        assert_eq!(first("id:0:initdefault:\n"), '2');
        assert_eq!(first("id:235:initdefault:\n"), '5');
        assert_eq!(first("id::initdefault:\n"), '2');
        assert_eq!(first(""), '2');
    }
}
