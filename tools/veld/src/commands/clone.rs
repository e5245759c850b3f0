//! `veld clone`

use veld_supervisor::{CloneWish, Host, Sharing};

use crate::cli::Clone;
use crate::output;
use crate::report::{self, Failed};

/// One after the other: each is a copy of the same, and one that fails ends it.
pub(crate) fn run(host: &Host, clone: Clone) -> Result<(), Failed> {
    let source = host.find(&clone.source)?;
    let wish = CloneWish {
        snapshot: clone.snapshot,
        sharing: match (clone.linked, clone.full) {
            (true, _) => Sharing::Linked,
            (_, true) => Sharing::Full,
            (false, false) => Sharing::Auto,
        },
        keep_ssh_keys: clone.keep_ssh_keys,
    };
    for name in clone.names {
        let done = veld_supervisor::clone_ve(host, &source, name.clone(), &wish)?;
        for warning in &done.warnings {
            report::warning(name.as_str(), warning);
        }
        output::print(&format!("{name}: {}\n", done.what))?;
    }
    Ok(())
}
