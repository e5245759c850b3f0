//! Removing what was thrown away, while nobody waits.

use std::ffi::OsStr;
use std::process::{Command, Stdio};

use veld_privileges::Bounds;
use veld_storage::{Layers, Trash};
use veld_sys::{Context, Failure, fault};

use crate::error::Source;
use crate::host::Host;
use crate::launcher::own_path;

/// The hidden command that does it.
pub const TRASH: &str = "trash";
/// What it is told of the environment: not what a test wants of the command that
/// called it.
const KEPT: [&str; 3] = ["PATH", "VELD_CONFIG", "VELD_LIBEXEC"];

/// Has a process of its own remove what was thrown away, now or by a command that was
/// killed. Where there is nothing it is not begun; where another is at it, it ends.
pub fn empty_in_background(host: &Host) {
    if trash(host).is_empty() {
        return;
    }
    if let Err(source) = begin() {
        // The next command begins one.
        tracing::debug!(error = crate::error::chain(&source));
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "the program is this one, and nobody waits for it"
)]
fn begin() -> Result<(), Source> {
    use std::os::unix::ffi::OsStrExt;
    let path = own_path()?;
    let environment = KEPT
        .iter()
        .filter_map(|key| Some((key, std::env::var_os(key)?)));
    let begun = fault::point("begin to empty the trash").and_then(|()| {
        Command::new(OsStr::from_bytes(path.as_bytes()))
            .arg(TRASH)
            .env_clear()
            .envs(environment)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
    });
    Ok(begun.map(drop).context(|| "begin to empty the trash")?)
}

/// Removes what was thrown away, unless another is at it. Leaves the session of
/// whoever called it.
///
/// # Errors
/// Names the path.
pub fn empty_trash(host: &Host) -> Result<(), Failure> {
    veld_privileges::leave_caller(&Bounds::default())?;
    // Those that a command was killed over which let go of them.
    Layers::new(&host.config().paths.data).sweep()?;
    trash(host).empty()
}

fn trash(host: &Host) -> Trash {
    Trash::new(&host.config().paths.data)
}
