//! `veld start`

use veld_supervisor::{Done, Host, Wait};
use veld_units::Timespan;

use crate::cli::Start;
use crate::jobs::each;
use crate::report::Failed;

pub(crate) fn run(host: &Host, start: &Start) -> Result<(), Failed> {
    let wait = wait(host, start.wait);
    each(host, &start.which, |ve| {
        if start.dry_run {
            let plan = veld_supervisor::plan(ve)?;
            return Ok(Done {
                what: format!("would start\n{plan}"),
                warnings: Vec::new(),
            });
        }
        veld_supervisor::start(ve, wait)
    })
}

/// `--wait` without a number waits as long as the host's config says.
pub(crate) fn wait(host: &Host, asked: Option<Option<Timespan>>) -> Wait {
    match asked {
        None => Wait::No,
        Some(patience) => Wait::Up(patience.unwrap_or(host.config().start_timeout).duration()),
    }
}
