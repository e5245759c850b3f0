//! `veld rename`

use veld_supervisor::Host;

use crate::cli::Rename;
use crate::jobs::tell;
use crate::report::Failed;

pub(crate) fn run(host: &Host, rename: &Rename) -> Result<(), Failed> {
    let ve = host.find(&rename.ve)?;
    let done = veld_supervisor::rename(host, &ve, rename.name.clone());
    Failed::reported_if(tell(&ve, done)?)
}
