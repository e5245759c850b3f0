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
use crate::flavour::{HandOver, Masks, Readiness};
use crate::herald;
use crate::launcher::Launcher;
use crate::notify::Notify;

/// Executes an init as PID 1, under the name that the kernel would give it.
/// Returns only when that cannot be done, with an exit code.
pub(crate) fn run(over: &HandOver, found: &str, launcher: &Launcher) -> u8 {
    // Login prompts in a VE are a nuisance, no services are a failure.
    if let Some(masks) = &over.masks
        && let Err(failure) = mask(masks)
    {
        console::report(&failure);
    }
    let program = over.program.display();
    let mut message = format!("{found}\nSTATUS=Handing over to {program}");
    match over.readiness {
        Readiness::Told => {}
        Readiness::Assumed => message.push_str("\nREADY=1"),
        Readiness::File(path) => {
            if let Err(failure) = herald::start(path) {
                console::report(&failure);
            }
        }
    }
    Notify::from_environment().send(&message);
    let Err(failure) = execute(over);
    console::report(&failure);
    launcher.failed(&failure);
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
    for unit in masks.names {
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
fn execute(over: &HandOver) -> Result<Infallible, Failure> {
    let attempt = || -> io::Result<Infallible> {
        veld_sys::signal::default_dispositions()?;
        SigSet::empty().thread_set_mask()?;
        let file = CString::new(over.program.as_os_str().as_bytes())?;
        let mut args = vec![file.clone()];
        for arg in &over.args {
            args.push(CString::new(arg.as_str())?);
        }
        Err(veld_sys::exec::exec_path(
            &file,
            &args,
            &environment::for_init(),
        ))
    };
    attempt().context(|| format!("execute {}", over.program.display()))
}
