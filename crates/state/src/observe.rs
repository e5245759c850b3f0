//! What a VE is doing now, without lock and without a change to anything.

use std::os::fd::OwnedFd;
use std::time::UNIX_EPOCH;

use veld_protocol::ending::{Ended, Ending};
use veld_protocol::init::Found;
use veld_protocol::shim;
use veld_protocol::stamp::Stamp;

use crate::record::Record;
use crate::restarting::Restarting;
use crate::run_dir::RunDir;

/// A VE as it was at one moment.
#[derive(Debug)]
pub enum Observed {
    /// PID 1 lives.
    Running(Running),
    /// It does not.
    Stopped(Stopped),
}

/// A VE whose PID 1 lives.
#[derive(Debug)]
pub struct Running {
    /// Who its processes are.
    pub record: Record,
    /// PID 1; signals and namespaces are had through it.
    pub init: OwnedFd,
    /// The shim, if it lives.
    pub shim: Option<OwnedFd>,
    /// When PID 1 said that the services are up.
    pub ready: Option<Stamp>,
    /// Whether it is going down, by its own word or a command's.
    pub stopping: bool,
    /// Since when it is.
    pub stopping_since: Option<Stamp>,
    /// Since when it is said to be paused, which the kernel may deny.
    pub paused: Option<Stamp>,
    /// What PID 1 last said that it does.
    pub status: Option<String>,
    /// Which init PID 1 found, once it has said so.
    pub found: Option<Found>,
    /// Services that do not run as they should, by PID 1's word.
    pub failed: Vec<String>,
    /// Since when it is these.
    pub failed_since: Option<Stamp>,
}

/// A VE whose PID 1 does not live.
#[derive(Debug, Default)]
pub struct Stopped {
    /// How the last run ended, if one was seen since the host booted.
    pub ended: Option<Ended>,
    /// Whether something of a run is left that a command must sweep.
    pub unswept: bool,
    /// Why the last start failed.
    pub failure: Option<String>,
    /// Until when it waits to be started again, where somebody waits.
    pub restarting: Option<Restarting>,
}

impl Stopped {
    /// Whether it is on its way up again: it ended for that, or waits for it.
    #[must_use]
    pub fn reboots(&self) -> bool {
        self.restarting.is_some()
            || self
                .ended
                .is_some_and(|ended| ended.ending == Ending::Reboot)
    }
}

/// Longest file of words that is read.
const LONGEST: usize = 4096;

/// Looks at a VE.
#[must_use]
pub fn observe(run: &RunDir) -> Observed {
    match alive(run) {
        Some((record, init)) => Observed::Running(Running {
            shim: record.shim.open(),
            status: words(run, shim::STATUS),
            found: found(run),
            ..look_at(run, record, init)
        }),
        None => Observed::Stopped(Stopped {
            ended: words(run, shim::ENDED).and_then(|text| text.parse().ok()),
            unswept: run.record().exists() || run.stage().exists() || run.restarting().exists(),
            failure: std::fs::read_to_string(run.failure()).ok(),
            restarting: Restarting::read(&run.restarting())
                .filter(|restarting| restarting.shim.open().is_some()),
        }),
    }
}

/// Looks at a VE if it runs, and at no more than tells what it is doing: who asks of
/// hundreds at a time needs neither its shim nor its words.
#[must_use]
pub fn glance(run: &RunDir) -> Option<Running> {
    alive(run).map(|(record, init)| look_at(run, record, init))
}

fn alive(run: &RunDir) -> Option<(Record, OwnedFd)> {
    // While the stage stands, PID 1 may still be on its way: it can see the
    // host's mounts until it has its own, and nobody may join it there.
    let record = Record::read(&run.record())
        .ok()
        .filter(|_| !run.stage().exists())?;
    Some((record, record.init.open()?))
}

/// All but its shim and its words.
fn look_at(run: &RunDir, record: Record, init: OwnedFd) -> Running {
    // The word of a command that is gone says nothing of what the VE does now.
    let by_command = run.is_being_stopped().then_some(shim::STOPPING);
    let since = by_command
        .into_iter()
        .chain([shim::STOPPING_INSIDE])
        .filter_map(|name| written(run, name))
        .min();
    Running {
        record,
        init,
        shim: None,
        ready: words(run, shim::READY).and_then(|text| text.trim_end().parse().ok()),
        stopping: by_command.is_some() || run.file(shim::STOPPING_INSIDE).exists(),
        stopping_since: since,
        paused: run.paused(),
        status: None,
        found: None,
        failed: words(run, shim::FAILED)
            .unwrap_or_default()
            .split_ascii_whitespace()
            .map(str::to_owned)
            .collect(),
        failed_since: written(run, shim::FAILED),
    }
}

/// Which init PID 1 found, once it has said so.
#[must_use]
pub fn found(run: &RunDir) -> Option<Found> {
    words(run, shim::FOUND)?.parse().ok()
}

/// When a file was written.
fn written(run: &RunDir, name: &str) -> Option<Stamp> {
    let about = std::fs::metadata(run.file(name)).ok()?;
    let since = about.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(Stamp {
        seconds: since.as_secs(),
        nanos: since.subsec_nanos(),
    })
}

fn words(run: &RunDir, name: &str) -> Option<String> {
    let mut text = std::fs::read_to_string(run.file(name)).ok()?;
    let end = (0..=LONGEST.min(text.len()))
        .rev()
        .find(|&end| text.is_char_boundary(end))?;
    text.truncate(end);
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::Process;
    use veld_protocol::restart::Policy;

    #[test]
    fn a_record_of_a_dead_process_is_a_stopped_ve() {
        let dir = tempfile::tempdir().unwrap();
        let run = RunDir::new(dir.path(), "web1");
        std::fs::create_dir(run.path()).unwrap();
        let me = Process::of(std::process::id().cast_signed()).unwrap();
        let started = Stamp {
            seconds: 1,
            nanos: 0,
        };
        let dead = Process {
            born: me.born - 1,
            ..me
        };
        let written = |init, shim| {
            let record = Record {
                init,
                shim,
                started,
                restarts: 0,
                policy: Policy::No,
                dev: None,
            };
            record.write(&run.record()).unwrap();
        };
        written(dead, me);
        let Observed::Stopped(stopped) = observe(&run) else {
            panic!("not running")
        };
        assert!(stopped.unswept);

        written(me, dead);
        let Observed::Running(running) = observe(&run) else {
            panic!("running")
        };
        assert!(running.shim.is_none());
        assert_eq!(glance(&run).unwrap().record, running.record);
        assert_eq!(running.ready, None);
        assert!(!running.stopping);
        let word = std::fs::File::create(run.file(shim::STOPPING)).unwrap();
        std::io::Write::write_all(&mut &word, b"1 0 9999999999.0\n").unwrap();
        let Observed::Running(running) = observe(&run) else {
            panic!("running")
        };
        assert!(!running.stopping, "that command is gone");
        assert_eq!(running.stopping_since, None);
        run.say_stopping(std::time::Duration::ZERO).unwrap();
        let Observed::Running(running) = observe(&run) else {
            panic!("running")
        };
        assert!(running.stopping && running.stopping_since.is_some());

        std::fs::create_dir(run.stage()).unwrap();
        assert!(
            matches!(observe(&run), Observed::Stopped(_)),
            "it is still starting"
        );
        assert!(glance(&run).is_none());
    }

    #[test]
    fn a_wait_for_the_next_start_counts_while_somebody_waits() {
        let dir = tempfile::tempdir().unwrap();
        let run = RunDir::new(dir.path(), "web1");
        std::fs::create_dir(run.path()).unwrap();
        let me = Process::of(std::process::id().cast_signed()).unwrap();
        let dead = Process {
            born: me.born - 1,
            ..me
        };
        for (shim, waits) in [(me, true), (dead, false)] {
            Restarting {
                shim,
                due: Stamp::now(),
                restarts: 1,
                policy: Policy::No,
            }
            .write(&run.restarting())
            .unwrap();
            let Observed::Stopped(stopped) = observe(&run) else {
                panic!("not running")
            };
            assert!(stopped.unswept);
            assert_eq!(
                (stopped.restarting.is_some(), stopped.reboots()),
                (waits, waits)
            );
        }
    }
}
