//! `veld create`

use veld_supervisor::{Host, Wish};

use crate::cli::Create;
use crate::output;
use crate::report::Failed;

pub(crate) fn run(host: &Host, create: Create) -> Result<(), Failed> {
    let name = create.name;
    let wish = Wish {
        template: create.template,
        layout: create.layout,
        settings: create.settings.0,
    };
    let done = veld_supervisor::create(host, name.clone(), &wish)?;
    output::print(&format!("{name}: {}\n", done.what))
}
