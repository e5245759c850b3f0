//! `veld stop`

use veld_supervisor::{Host, Manner};

use crate::cli::Stop;
use crate::jobs::each;
use crate::report::Failed;

pub(crate) fn run(host: &Host, stop: &Stop) -> Result<(), Failed> {
    let manner = manner(host, stop);
    each(host, &stop.which, |ve| veld_supervisor::stop(ve, manner))
}

pub(crate) fn manner(host: &Host, stop: &Stop) -> Manner {
    if stop.force {
        return Manner::Kill;
    }
    Manner::Ask(
        stop.timeout
            .unwrap_or(host.config().stop_timeout)
            .duration(),
    )
}
