//! `veld restart`

use veld_supervisor::{Done, ErrorKind, Host, Patience};

use crate::cli::Restart;
use crate::commands::{start, stop};
use crate::jobs::each;
use crate::report::Failed;

pub(crate) fn run(host: &Host, restart: &Restart) -> Result<(), Failed> {
    let wait = start::wait(host, restart.wait);
    each(host, &restart.stop.which, |ve| {
        let stopped =
            match veld_supervisor::stop(ve, stop::manner(host, &restart.stop, Patience::of_each)) {
                Err(error) if error.kind() == ErrorKind::NotRunning => Done::default(),
                result => result?,
            };
        let started = veld_supervisor::start(ve, wait)?;
        let warnings = stopped
            .warnings
            .into_iter()
            .chain(started.warnings)
            .collect();
        Ok(Done {
            what: format!("re{}", started.what),
            warnings,
        })
    })
}
