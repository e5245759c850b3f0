//! A VE as a template for others.

use std::os::fd::AsFd;

use veld_config::{SnapshotName, TemplateName};
use veld_rootfs::Access;
use veld_templates::{Manifest, Watch};

use crate::error::{Error, ErrorKind, Source};
use crate::files::Files;
use crate::snapshot;
use crate::ve::{LOCK_PATIENCE, Ve};

/// Makes a template of a VE that does not run, or of a snapshot of one that may.
/// What makes it this system and no other is left out.
///
/// # Errors
/// [`ErrorKind::NotFound`] for the VE or the snapshot; [`ErrorKind::AlreadyRunning`];
/// those of an import.
pub fn publish(
    ve: &Ve<'_>,
    name: &TemplateName,
    of: Option<&SnapshotName>,
    watch: &mut Watch<'_>,
) -> Result<Manifest, Error> {
    let verb = "make a template of it";
    let _lock = ve.must_exist(ve.lock_as("template from", verb, LOCK_PATIENCE)?)?;
    let failed = |source: Source| Error::action(&ve.name, verb, source);
    if of.is_none() && snapshot::is_running(ve)? {
        let fact = "is running; stop it first, or make a snapshot and use --snapshot";
        return Err(Error::fact(ErrorKind::AlreadyRunning, &ve.name, fact));
    }
    let (part, label) = match of {
        Some(snapshot) => {
            let sid = snapshot::sid_of(ve, snapshot)?;
            let label = format!("VE {}, snapshot {snapshot}", ve.name);
            (ve.area.snapshot_part(&sid), label)
        }
        None => {
            ve.settle().map_err(failed)?;
            // What a VE of before stands on is written down.
            Files::of(ve).map_err(failed)?;
            (ve.area.private(), format!("VE {}", ve.name))
        }
    };
    let view = Files::of_part(ve, &part).and_then(|files| files.view(Access::Read));
    let view = view.map_err(failed)?;
    ve.step("copy files into template");
    let templates = ve.host.templates();
    let made = templates.import_system(view.as_fd(), &label, name.as_str(), watch);
    made.map_err(|error| failed(error.into()))
}
