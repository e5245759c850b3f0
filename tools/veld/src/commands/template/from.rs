//! `veld template from`

use veld_config::TemplateName;
use veld_supervisor::Host;

use super::tell;
use crate::cli::TemplateFrom;
use crate::progress::Bar;
use crate::report::Failed;

pub(super) fn run(host: &Host, from: &TemplateFrom) -> Result<(), Failed> {
    let ve = host.find(&from.ve)?;
    let name = match &from.name {
        Some(name) => name.clone(),
        None => TemplateName::of(ve.name()),
    };
    let bar = Bar::new(format!("making {name} of {}", ve.name()))?;
    let of = from.snapshot.as_ref();
    let made = veld_supervisor::publish(&ve, &name, of, &mut |progress| bar.show(&progress));
    bar.finish();
    tell("made", &made?)
}
