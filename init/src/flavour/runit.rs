//! runit: its three stages are run here. Services are its own affair: stage 2 is
//! runsvdir, which starts and keeps them.
//!
//! runit(8), runit-init(8) of runit 2.1.2, and of Debian's, which keeps the files
//! by which it is told to stop in /run.

use std::os::unix::fs::PermissionsExt;

use nix::sys::signal::Signal;
use rustix::process::Pid;
use veld_protocol::init::Options;
use veld_protocol::kind::Look;

use super::root::Root;
use super::{AfterMain, Manners, PLAIN};
use crate::getty;
use crate::level::Levels;
use crate::plan::{Job, Plan, Step};
use crate::supervise::{End, Event};

pub(super) static MANNERS: Manners = Manners {
    load,
    meaning,
    after_main,
    is_up,
    ..PLAIN
};

/// With this file executable, SIGCONT means to stop.
const STOP: [&str; 2] = ["/run/runit.stopit", "/etc/runit/stopit"];
/// With this file executable too, a stop is a reboot.
const REBOOT: [&str; 2] = ["/run/runit.reboot", "/etc/runit/reboot"];

/// What stage 2 ends with to be started again.
const AGAIN: i32 = 111;
/// The statuses from here on are of processes that a signal killed.
const KILLED: i32 = 128;

fn load(options: &Options) -> Plan {
    let job = |process: String| Job::new("runit", process);
    let stage = |number: u8| job(format!("/etc/runit/{number}"));
    // Stage 3 looks there for which scripts to run; stage 1 makes the file.
    let mark = format!(
        "/bin/sh -c 'for f in {}; do [ -e $f ] && chmod 100 $f; done; :'",
        REBOOT.join(" ")
    );
    let reboot = vec![Step::awaited(job(mark)), Step::awaited(stage(3))];
    // runit looks whether it is to stop when this script has ended; here it says so.
    let key = "/bin/sh -c \"/etc/runit/ctrlaltdel; kill -CONT 1\"";
    Plan {
        boot: vec![Step::awaited(stage(1))],
        main: Some(stage(2)),
        entries: getty::on_console(options.getty),
        ctrl_alt_del: vec![(Levels::ALL, job(key.to_owned()))],
        shutdown: vec![Step::awaited(stage(3))],
        reboot: Some(reboot),
        ..Plan::default()
    }
}

fn meaning(signal: i32) -> Option<Event> {
    if signal == Signal::SIGCONT as i32 {
        return is_executable(STOP).then(|| Event::Stop(end()));
    }
    super::among(&[(Signal::SIGINT, Event::CtrlAltDel)], signal)
}

fn after_main(status: i32) -> AfterMain {
    if status == AGAIN || status >= KILLED {
        AfterMain::Again
    } else {
        AfterMain::Stop(end())
    }
}

/// Stage 2 runs what is left of System V's scripts, and then becomes runsvdir.
fn is_up(main: Option<Pid>) -> bool {
    main.and_then(|pid| Root.start(&format!("/proc/{}/comm", pid.as_raw_nonzero()), 64))
        .is_some_and(|name| name.trim_ascii_end() == b"runsvdir")
}

fn end() -> End {
    if is_executable(REBOOT) {
        End::Reboot
    } else {
        End::PowerOff
    }
}

/// Whether one of the files is there with its owner's right to execute it: not
/// asked of access(2), since /run may be mounted without that right.
fn is_executable(paths: [&str; 2]) -> bool {
    let mode = |path: &str| Some(std::fs::metadata(path).ok()?.permissions().mode());
    paths
        .into_iter()
        .any(|path| mode(path).is_some_and(|mode| mode & 0o100 != 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stage_two_is_what_the_ve_lives_as_long_as() {
        let plan = load(&Options::default());
        assert_eq!(plan.boot[0].job.process, "/etc/runit/1");
        assert_eq!(plan.main.as_ref().unwrap().process, "/etc/runit/2");
        assert_eq!(plan.last_steps(false)[0].job.process, "/etc/runit/3");
        assert_eq!(
            plan.last_steps(true).last().unwrap().job.process,
            "/etc/runit/3"
        );
        assert!(plan.entries.is_empty());
    }

    #[test]
    fn a_stage_that_crashes_is_started_again() {
        assert_eq!(after_main(111), AfterMain::Again);
        assert_eq!(after_main(137), AfterMain::Again);
        assert_eq!(after_main(0), AfterMain::Stop(End::PowerOff));
    }
}
