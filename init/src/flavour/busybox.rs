//! BusyBox: its /etc/inittab is carried out here. OpenRC on BusyBox, as Alpine
//! has it, is lines of that table.

use nix::sys::signal::Signal;
use veld_protocol::init::Options;

use super::table::Table;
use super::{Manners, PLAIN};
use crate::inittab::{Action, Dialect};
use crate::plan::{Plan, Step, When};
use crate::supervise::{End, Event};

pub(super) static MANNERS: Manners = Manners {
    load,
    meaning,
    ..PLAIN
};

/// What messages call the table that BusyBox has built in, and what it says.
const BUILT_IN: (&str, &str) = (
    "built-in inittab",
    "\
::sysinit:/etc/init.d/rcS
::askfirst:-/bin/sh
::ctrlaltdel:reboot
::shutdown:umount -a -r
::shutdown:swapoff -a
::restart:init
",
);

fn load(options: &Options) -> Plan {
    plan(&Table::read(Dialect::Busybox, BUILT_IN, options.getty))
}

fn plan(table: &Table) -> Plan {
    let steps = |action| table.jobs(action).into_iter().map(Step::awaited);
    let mut entries = table.entries(Action::Wait, When::Wait);
    entries.extend(table.entries(Action::Once, When::Once));
    entries.extend(table.entries(Action::Respawn, When::Keep));
    entries.extend(table.entries(Action::Askfirst, When::Keep));
    let lines = table.lines(Action::CtrlAltDel);
    Plan {
        boot: steps(Action::Sysinit).collect(),
        entries,
        ctrl_alt_del: lines.map(|line| (line.levels, table.job(line))).collect(),
        shutdown: steps(Action::Shutdown).collect(),
        restart: table.jobs(Action::Restart).into_iter().next(),
        ..Plan::default()
    }
}

/// What BusyBox's halt, poweroff and reboot send, and what its init understands
/// besides.
fn meaning(signal: i32) -> Option<Event> {
    let table = [
        (Signal::SIGUSR1, Event::Stop(End::Halt)),
        (Signal::SIGUSR2, Event::Stop(End::PowerOff)),
        (Signal::SIGTERM, Event::Stop(End::Reboot)),
        (Signal::SIGQUIT, Event::Stop(End::Restart)),
        (Signal::SIGHUP, Event::Reload),
        (Signal::SIGINT, Event::CtrlAltDel),
        // Power fails: what a host without words for "stop" sends.
        (Signal::SIGPWR, Event::Stop(End::PowerOff)),
    ];
    super::among(&table, signal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Job;

    const TABLE: &str = "\
::wait:/sbin/openrc default
tty98::respawn:/sbin/getty 38400 tty98
tty99::respawn:/sbin/getty 38400 tty99
::sysinit:/sbin/openrc boot
::respawn:/sbin/syslogd -n
::askfirst:/usr/bin/menu
::shutdown:/sbin/openrc shutdown
::restart:/sbin/init
";

    fn plan_of(text: &str, getty: bool) -> Plan {
        plan(&Table::parse(
            "inittab",
            text.as_bytes(),
            Dialect::Busybox,
            getty,
        ))
    }

    fn kept(plan: &Plan) -> Vec<&str> {
        let jobs = plan.of(None, When::Keep);
        jobs.map(|job| job.process.as_str()).collect()
    }

    fn steps(steps: &[Step]) -> Vec<&str> {
        steps.iter().map(|step| step.job.process.as_str()).collect()
    }

    #[test]
    fn order_is_of_actions_and_prompts_are_left_out() {
        let plan = plan_of(TABLE, false);
        assert_eq!(steps(&plan.boot), ["/sbin/openrc boot"]);
        assert_eq!(steps(&plan.awaited(None)), ["/sbin/openrc default"]);
        assert_eq!(kept(&plan), ["/sbin/syslogd -n"]);
        assert_eq!(steps(&plan.last_steps(true)), ["/sbin/openrc shutdown"]);
        assert_eq!(plan.restart.unwrap().to_string(), "/sbin/init (inittab:8)");
    }

    #[test]
    fn a_wanted_prompt_is_one_and_on_the_console() {
        let plan = plan_of(TABLE, true);
        assert_eq!(
            kept(&plan),
            [
                "/sbin/getty 38400 console",
                "/sbin/syslogd -n",
                "/usr/bin/menu"
            ]
        );
        let mut jobs = plan.of(None, When::Keep);
        assert!(jobs.all(|job: &Job| job.terminal.is_none()));
    }

    #[test]
    fn the_built_in_table_is_sound_and_runs_no_shell() {
        let plan = plan_of(BUILT_IN.1, false);
        assert_eq!(steps(&plan.boot), ["/etc/init.d/rcS"]);
        assert!(plan.entries.is_empty());
        assert_eq!(steps(&plan.shutdown), ["umount -a -r", "swapoff -a"]);
    }
}
