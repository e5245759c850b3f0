//! A name for containers that OpenRC knows.
//!
//! Scripts of OpenRC say by `keyword -lxc` that they are not for containers: they
//! set the clock of the machine, load modules, make device nodes. Which kind of
//! container it is in OpenRC reads from the environment of PID 1, in words that it
//! knows; ours is not among them. So PID 1 executes itself once more with one that
//! is.
//!
//! rc_sys(3), `rc_sys` in rc.conf of OpenRC; proc_pid_environ(5) is what a program
//! was executed with.

use std::convert::Infallible;
use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStringExt;

use veld_protocol::kind::Kind;
use veld_sys::{Context, Failure, exec};

use crate::environment;
use crate::flavour::Way;
use crate::launcher::Launcher;

/// The name that OpenRC knows.
pub(crate) const KNOWN: &str = "lxc";

/// Executes this program again with another environment, where that is what the
/// init needs. Returns where it is not.
///
/// # Errors
/// The VE can do without.
pub(crate) fn put_on(way: &Way, launcher: &Launcher) -> Result<(), Failure> {
    let is_openrc = matches!(way, Way::Supervise(_, Kind::Openrc));
    let is_known = std::env::var_os(environment::CONTAINER).is_none_or(|name| name == KNOWN);
    if !is_openrc || is_known {
        return Ok(());
    }
    let Err(failure) = execute(launcher).context(|| "execute veld-init again");
    Err(failure)
}

fn execute(launcher: &Launcher) -> io::Result<Infallible> {
    launcher.pass_on(true)?;
    let args: Result<Vec<CString>, _> = std::env::args_os()
        .map(|arg| CString::new(arg.into_vec()))
        .collect();
    let env = environment::for_init(true, Some(KNOWN));
    let cause = exec::exec_path(c"/proc/self/exe", &args?, &env);
    launcher.pass_on(false)?;
    Err(cause)
}
