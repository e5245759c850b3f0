//! `veld autostart`: the VEs that start with the host, when it has started.

use std::collections::BTreeMap;

use veld_supervisor::{Done, Error, ErrorKind, Host, Phase, Ve, Wait, summary};

use crate::cli::Autostart;
use crate::commands::start;
use crate::gate::Gate;
use crate::jobs;
use crate::report::{self, Failed};

/// Starts those with `onboot`, the least `bootorder` first. A VE that cannot be
/// started keeps none from being tried.
pub(crate) fn run(host: &Host, autostart: &Autostart) -> Result<(), Failed> {
    let wait = start::wait(host, autostart.wait);
    let mut failed = false;
    // By order, and in it by name, which is how they come.
    let mut groups: BTreeMap<i32, Vec<Ve<'_>>> = BTreeMap::new();
    for ve in host.ves()? {
        match ve.config() {
            Ok(config) if config.onboot => groups.entry(config.bootorder).or_default().push(ve),
            Ok(_) => {}
            // Nobody knows whether it was to start.
            Err(error) => {
                report::error(&error);
                failed = true;
            }
        }
    }
    let mut gate = Gate::by_pressure();
    for ves in groups.values_mut() {
        ves.retain(|ve| !is_at_work(ve));
        failed |= jobs::in_workers(ves, &mut gate, &|ve| start_unless_started(ve, wait))?;
    }
    Failed::reported_if(failed)
}

/// Whether it runs, or waits to be started again as its policy says.
fn is_at_work(ve: &Ve<'_>) -> bool {
    summary(ve).phase != Phase::Stopped
}

fn start_unless_started(ve: &Ve<'_>, wait: Wait) -> Result<Done, Error> {
    match veld_supervisor::start(ve, wait) {
        // By another command, a moment ago.
        Err(error) if error.kind() == ErrorKind::AlreadyRunning && is_at_work(ve) => {
            Ok(Done::default())
        }
        result => result,
    }
}
