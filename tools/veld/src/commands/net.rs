//! `veld net …`

mod list;
mod show;
mod view;

use veld_supervisor::Host;

use crate::cli::Net;
use crate::output;
use crate::report::{self, Failed};

pub(crate) fn run(host: &Host, net: &Net) -> Result<(), Failed> {
    match net {
        Net::List(list) => list::run(host, list),
        Net::Show(show) => show::run(host, show),
        Net::Repair => repair(host),
    }
}

fn repair(host: &Host) -> Result<(), Failed> {
    let done = veld_supervisor::repair(host)?;
    output::print(&format!("{}\n", done.what))?;
    for warning in &done.warnings {
        report::line(warning);
    }
    Failed::reported_if(!done.warnings.is_empty())
}
