//! The way of an init that insists on being PID 1: it is executed in our place.

use std::convert::Infallible;
use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::sys::signal::SigSet;
use veld_protocol::init::exit;
use veld_sys::{Context, Failure, fault};

use crate::console;
use crate::environment;
use crate::flavour::Masks;
use crate::notify::Notify;

/// Executes `program` as PID 1, under the name that the kernel would give it.
/// Returns only when that cannot be done, with an exit code.
pub(crate) fn run(program: &Path, masks: Option<Masks>) -> u8 {
    // Login prompts in a VE are a nuisance, no services are a failure.
    if let Some(masks) = masks
        && let Err(failure) = mask(&masks)
    {
        console::report(&failure);
    }
    Notify::from_environment().send(&format!("STATUS=Handing over to {}", program.display()));
    let Err(failure) = execute(program);
    console::report(&failure);
    if failure.kind() == io::ErrorKind::NotFound {
        exit::NOT_FOUND
    } else {
        exit::CANNOT_EXECUTE
    }
}

/// Links each unit to /dev/null, which a unit loader takes for "never to be started".
fn mask(masks: &Masks) -> Result<(), Failure> {
    let directory = Path::new(masks.directory);
    fault::point("make mask directory")
        .and_then(|()| std::fs::create_dir_all(directory))
        .context(|| format!("create directory {}", masks.directory))?;
    for unit in masks.units {
        let link = directory.join(unit);
        fault::point("mask unit")
            .and_then(|()| std::os::unix::fs::symlink("/dev/null", &link))
            .or_else(|error| match error {
                there if there.kind() == io::ErrorKind::AlreadyExists => Ok(()),
                other => Err(other),
            })
            .context(|| format!("link {} to /dev/null", link.display()))?;
    }
    Ok(())
}

/// Executes with no signal blocked or ignored, as the kernel starts an init.
fn execute(program: &Path) -> Result<Infallible, Failure> {
    let attempt = || -> io::Result<Infallible> {
        veld_sys::signal::default_dispositions()?;
        SigSet::empty().thread_set_mask()?;
        let file = CString::new(program.as_os_str().as_bytes())?;
        let args = [file.clone()];
        Err(veld_sys::exec::exec_path(
            &file,
            &args,
            &environment::for_init(),
        ))
    };
    attempt().context(|| format!("execute {}", program.display()))
}
