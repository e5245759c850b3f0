//! The program's process: all of it is in the VE, and only the VE's paths and
//! files are left to it.

use std::ffi::{CStr, CString};
use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, fstatfs, openat2};
use rustix::io::Errno;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout};
use veld_privileges::{refuse_calls, withhold};
use veld_protocol::boot::Stage;
use veld_rootfs::{Terminal, TerminalSize, open_terminal};
use veld_sys::process::exit_now;
use veld_sys::{Context, Failure};

use super::usher::stay_untraceable;
use super::{Entry, OnTheWay, Program};
use crate::users::{Account, AccountError};

/// Where programs are looked for unless the environment given says otherwise.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

pub(super) fn run(way: &OnTheWay<'_>) -> ! {
    // Until the command knows this process, nothing it says would be understood.
    if way.channel.wait().is_none() {
        exit_now(1);
    }
    match prepare(way) {
        Err(AccountError::Failed(failure)) => way.channel.failed(Stage::Preparing, &failure),
        Err(AccountError::Refused(fact)) => way.channel.refused(fact),
        Ok(account) => {
            way.channel.executing();
            way.channel
                .failed(Stage::Executing, &execute(&way.entry, &account));
        }
    }
    exit_now(1)
}

fn prepare(way: &OnTheWay<'_>) -> Result<Account, AccountError> {
    // A session of its own: the caller's terminal must not be the program's.
    rustix::process::setsid().context(|| "begin a session")?;
    let account = way.entry.who.account()?;
    if let Some(size) = way.entry.terminal {
        let terminal = own_terminal(size)?;
        send(&way.master, &terminal.master)?;
    }
    // Needs a capability that the next step does not take, but the user may lack.
    refuse_calls()?;
    withhold()?;
    enter_directory(way.entry.directory.as_deref(), &account)?;
    account.identity.assume()?;
    stay_untraceable()?;
    veld_sys::exec::close_on_exec_from(3).context(|| "close descriptors")?;
    Ok(account)
}

/// Opens a terminal of the VE's and makes it this session's.
fn own_terminal(size: TerminalSize) -> Result<Terminal, Failure> {
    // "devpts" in linux/magic.h. The VE may have mounted something else there,
    // and an open of that might never return.
    const DEVPTS: i64 = 0x1cd1;
    let place = "/dev/pts";
    let devpts = open_dir(c"/dev/pts").context(|| format!("open {place} of the VE"))?;
    let kind = fstatfs(&devpts)
        .context(|| format!("inspect {place} of the VE"))?
        .f_type;
    if kind != DEVPTS {
        return Err(Failure::new(
            format!("use {place} of the VE as a devpts"),
            Errno::NODEV,
        ));
    }
    let terminal = open_terminal(&devpts, size)?;
    let adopt = || -> rustix::io::Result<()> {
        rustix::process::ioctl_tiocsctty(&terminal.slave)?;
        dup2_stdin(&terminal.slave)?;
        dup2_stdout(&terminal.slave)?;
        dup2_stderr(&terminal.slave)
    };
    adopt().context(|| "use the terminal")?;
    Ok(terminal)
}

/// Opens a directory of the VE. Magic links are not followed: one of them could
/// lead to a descriptor of the host's that this process still has.
fn open_dir(path: &CStr) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    openat2(CWD, path, flags, Mode::empty(), ResolveFlags::NO_MAGICLINKS)
}

/// Goes to the directory asked for, or the user's home, or `/`.
fn enter_directory(asked: Option<&CStr>, account: &Account) -> Result<(), Failure> {
    let home = CString::new(account.home.as_str()).unwrap_or_default();
    let go = |path: &CStr| rustix::process::fchdir(open_dir(path)?);
    match asked {
        Some(path) => {
            go(path).context(|| format!("enter directory {} of the VE", path.to_string_lossy()))
        }
        None => go(&home)
            .or_else(|_| go(c"/"))
            .context(|| "enter / of the VE"),
    }
}

fn execute(entry: &Entry<'_>, account: &Account) -> Failure {
    let environment = environment(entry, account);
    let path = environment
        .iter()
        .rev()
        .find_map(|pair| pair.strip_prefix("PATH="))
        .unwrap_or(PATH)
        .to_owned();
    let environment = c_strings(environment);
    let (program, arguments) = match &entry.program {
        Program::LoginShell => {
            let name = account.shell.rsplit('/').next().unwrap_or("sh");
            let program = CString::new(account.shell.as_str()).unwrap_or_default();
            (program, c_strings(vec![format!("-{name}")]))
        }
        Program::Command(words) => (words.first().cloned().unwrap_or_default(), words.clone()),
    };
    let mut refusal = None;
    for candidate in candidates(&program, &path) {
        let cause = match no_magic(&candidate) {
            Ok(()) => veld_sys::exec::exec_path(&candidate, &arguments, &environment),
            Err(errno) => errno.into(),
        };
        match cause.raw_os_error().map(Errno::from_raw_os_error) {
            Some(Errno::NOENT | Errno::NOTDIR) => {}
            _ => refusal = refusal.or(Some(cause)),
        }
    }
    let cause = refusal.unwrap_or_else(|| Errno::NOENT.into());
    Failure::new(format!("execute {} in the VE", shown(&program)), cause)
}

/// A program's name as text; an empty one is seen to be there.
fn shown(program: &CStr) -> String {
    if program.is_empty() {
        return "\"\"".to_owned();
    }
    program.to_string_lossy().into_owned()
}

/// Whether a path leads to its file without a magic link: `/proc/self/exe` is
/// still the host's command here, which has no business in a VE.
fn no_magic(path: &CStr) -> rustix::io::Result<()> {
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    openat2(CWD, path, flags, Mode::empty(), ResolveFlags::NO_MAGICLINKS).map(drop)
}

/// Paths at which the program may be, as execvp(3) has them.
fn candidates(program: &CStr, path: &str) -> Vec<CString> {
    let program = program.to_bytes();
    if program.is_empty() {
        return Vec::new();
    }
    if program.contains(&b'/') {
        return CString::new(program).into_iter().collect();
    }
    path.split(':')
        .filter_map(|dir| CString::new([dir.as_bytes(), b"/", program].concat()).ok())
        .collect()
}

fn environment(entry: &Entry<'_>, account: &Account) -> Vec<String> {
    let mut environment = vec![
        format!("PATH={PATH}"),
        format!("HOME={}", account.home),
        format!("USER={}", account.name),
        format!("LOGNAME={}", account.name),
        format!("SHELL={}", account.shell),
    ];
    if let Some(term) = &entry.term {
        environment.push(format!("TERM={term}"));
    }
    environment.push("container=veld".to_owned());
    for pair in &entry.environment {
        let key = pair.split('=').next().unwrap_or_default();
        environment.retain(|known| known.split('=').next() != Some(key));
        environment.push(pair.clone());
    }
    environment
}

/// Strings without a NUL inside; others cannot be passed and are left out.
fn c_strings(strings: Vec<String>) -> Vec<CString> {
    strings
        .into_iter()
        .filter_map(|string| CString::new(string).ok())
        .collect()
}

/// # Kernel
/// unix(7), SCM_RIGHTS.
fn send(socket: &OwnedFd, descriptor: &OwnedFd) -> Result<(), Failure> {
    let fds = [descriptor.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    control.push(SendAncillaryMessage::ScmRights(&fds));
    sendmsg(
        socket,
        &[IoSlice::new(b"t")],
        &mut control,
        SendFlags::NOSIGNAL,
    )
    .map(drop)
    .context(|| "pass the terminal")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_without_slash_is_looked_for_in_every_directory() {
        let all = candidates(c"ls", "/usr/bin:/bin");
        assert_eq!(all, [c"/usr/bin/ls".to_owned(), c"/bin/ls".to_owned()]);
        assert_eq!(candidates(c"./\xff", "/bin"), [c"./\xff".to_owned()]);
    }
}
