//! `veld template`

use veld_supervisor::Host;

use crate::cli::Template;
use crate::report::Failed;

pub(crate) fn run(_host: &Host, _command: Template) -> Result<(), Failed> {
    Ok(())
}
