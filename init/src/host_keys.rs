//! Keys by which a VE is known to those who log in by ssh.
//!
//! A template has none, or all VEs of it would answer with the same; and packages
//! make them only when they are installed. So the first boot of a VE whose template
//! came with the ssh server makes its own, on the VE's own disk.

use std::ffi::CString;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use veld_sys::process::{Forked, exit_now, fork};
use veld_sys::{Context, Failure, exec};

use crate::environment::Environment;

const SERVER: &str = "/etc/ssh/sshd_config";
const KEYS: &str = "/etc/ssh";
const PROGRAM: &std::ffi::CStr = c"/usr/bin/ssh-keygen";

/// The slowest key takes a second or two on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(5);

/// Makes the keys where there is a server and no key.
///
/// # Errors
/// The VE comes up without.
pub(crate) fn ensure() -> Result<(), Failure> {
    let can = Path::new(SERVER).exists() && Path::new("/usr/bin/ssh-keygen").exists();
    if !can || has_keys() {
        return Ok(());
    }
    veld_sys::fault::point("make ssh host keys").context(|| "make ssh host keys")?;
    match fork().context(|| "make ssh host keys")? {
        Forked::Child => {
            let env = Environment::new();
            let args = [CString::from(PROGRAM), CString::from(c"-A")];
            let _ = exec::exec_path(PROGRAM, &args, env.strings());
            exit_now(1)
        }
        Forked::Parent(child) => wait(child.pid),
    }
}

fn has_keys() -> bool {
    let entries = std::fs::read_dir(KEYS).into_iter().flatten().flatten();
    let mut names = entries.map(|entry| entry.file_name());
    names.any(|name| {
        let name = name.to_string_lossy();
        name.starts_with("ssh_host_") && name.ends_with("_key")
    })
}

fn wait(pid: Pid) -> Result<(), Failure> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let ended = waitpid(Some(pid), WaitOptions::NOHANG).context(|| "make ssh host keys")?;
        match ended {
            Some((_, status)) if status.exit_status() == Some(0) => return Ok(()),
            Some(_) => break,
            None if Instant::now() > deadline => {
                let _ = kill_process(pid, Signal::KILL);
                break;
            }
            None => std::thread::sleep(LOOK),
        }
    }
    Err(Failure::new(
        "make ssh host keys",
        std::io::Error::other("ssh-keygen failed"),
    ))
}
