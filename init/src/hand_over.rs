//! The way of an init that insists on being PID 1: it is executed in our place.

use std::convert::Infallible;
use std::ffi::CString;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::sys::signal::SigSet;
use veld_protocol::init::exit;
use veld_protocol::kind::Kind;
use veld_sys::{Context, Failure, fault};

use crate::console;
use crate::disguise;
use crate::environment;
use crate::flavour::{HandOver, Readiness, RunFiles};
use crate::herald;
use crate::launcher::Launcher;
use crate::loopback;
use crate::notify::Notify;

/// Executes an init as PID 1, under the name that the kernel would give it.
/// Returns only when that cannot be done, with an exit code.
pub(crate) fn run(over: &HandOver, found: &str, launcher: &Launcher) -> u8 {
    // Login prompts in a VE are a nuisance, no services are a failure.
    for files in &over.files {
        if let Err(failure) = put(files) {
            console::report(&failure);
        }
    }
    // It starts what needs the network on the event of the device's coming up.
    if over.kind == Kind::Finit
        && let Err(failure) = loopback::take_down()
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

/// Puts files where the init looks for them: a link to /dev/null is to a unit
/// loader what is never to be started.
fn put(files: &RunFiles) -> Result<(), Failure> {
    let directory = Path::new(files.directory);
    fault::point("make directory below /run")
        .and_then(|()| std::fs::create_dir_all(directory))
        .context(|| format!("create directory {}", files.directory))?;
    for name in files.names {
        let path = directory.join(name);
        let made = fault::point("make file below /run").and_then(|()| match files.text {
            None => std::os::unix::fs::symlink("/dev/null", &path),
            Some(text) => File::create_new(&path)?.write_all(text.as_bytes()),
        });
        match made {
            Err(there) if there.kind() == io::ErrorKind::AlreadyExists => {}
            result => result.context(|| format!("make {}", path.display()))?,
        }
    }
    Ok(())
}

/// Executes with no signal blocked or ignored, as the kernel starts an init.
fn execute(over: &HandOver) -> Result<Infallible, Failure> {
    let tells = over.readiness == Readiness::Told;
    let container = (over.kind == Kind::Openrc).then_some(disguise::KNOWN);
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
            &environment::for_init(tells, container),
        ))
    };
    attempt().context(|| format!("execute {}", over.program.display()))
}
