//! A process that joins a running VE and executes a program there.
//!
//! The child is born in the VE's pid namespace and cgroup but with the host's
//! root as its user, not dumpable: the VE can neither signal nor trace it, nor
//! read its environment, memory or descriptors. It gives its privileges up only
//! once it is inside, and is an ordinary process of the VE from exec on.

use std::ffi::{CStr, CString};
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, fstat, fstatfs, openat2};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};
use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout};
use veld_cgroups::Entry as CgroupEntry;
use veld_namespaces::{expect_children_in, join};
use veld_privileges::{Nofile, become_root, plain_start, withhold};
use veld_protocol::boot::Stage;
use veld_rootfs::{Terminal, TerminalSize, open_terminal};
use veld_sys::process::{Child, Forked, Namespaces, clone_into, exit_now};
use veld_sys::{Context, Failure};

use crate::channel::{ChildEnd, pair};
use crate::error::Error;
use crate::steps::{self, Step, walk};
use crate::users::{Account, Who};

/// How long the child may take to its program: every step is local and quick,
/// but the VE may have put anything in the way.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long a killed child may take to go.
const DYING: Duration = Duration::from_secs(1);

/// Where programs are looked for unless the environment given says otherwise.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What is to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Program {
    /// A program, looked up in PATH where it has no slash, and its arguments.
    Command(Vec<CString>),
    /// The user's own shell as a login shell.
    LoginShell,
}

/// How a process enters.
#[derive(Debug)]
pub struct Entry<'a> {
    /// PID 1 of the VE.
    pub init: BorrowedFd<'a>,
    /// The way into its cgroups.
    pub cgroup: CgroupEntry,
    /// As whom.
    pub who: Who,
    /// Where; the user's home where not given.
    pub directory: Option<CString>,
    /// Variables beside TERM, PATH, HOME and the user's name, `K=V`.
    pub environment: Vec<String>,
    /// What.
    pub program: Program,
    /// On a new terminal of the VE's, of this size; otherwise on the caller's
    /// standard input and outputs.
    pub terminal: Option<TerminalSize>,
    /// The caller's TERM, for programs on a terminal.
    pub term: Option<String>,
    /// Descriptors that are the program's standard ones, instead of the caller's.
    pub stdio: [Option<BorrowedFd<'a>>; 3],
    /// Open files the process may have.
    pub nofile: Nofile,
}

/// A process that runs its program in the VE.
#[derive(Debug)]
pub struct Entered {
    /// The process; a child of the caller.
    pub child: Child,
    /// Its terminal, where one was asked for.
    pub master: Option<OwnedFd>,
}

/// Starts the program. This process's later children are born in the VE's pid
/// namespace too, and it is not dumpable any more.
///
/// # Errors
/// [`crate::ErrorKind::ProgramNotFound`] and
/// [`crate::ErrorKind::NotExecutable`] of the program, others of the way there.
pub fn enter(entry: Entry<'_>) -> Result<Entered, Error> {
    // Before any process of the VE can see the child.
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .context(|| "make this process untraceable")?;
    expect_children_in(entry.init)?;
    let (ours, theirs) = pair()?;
    let (masters, master_from) = socketpair(
        AddressFamily::UNIX,
        SocketType::SEQPACKET,
        SocketFlags::CLOEXEC,
        None,
    )
    .context(|| "create a socket pair")?;
    let child = match clone_into_group(&entry.cgroup)? {
        Forked::Child => {
            drop((ours, masters));
            run(
                &Inside {
                    entry,
                    master: master_from,
                },
                &theirs,
            )
        }
        Forked::Parent(child) => child,
    };
    drop((theirs, master_from));
    let wants_terminal = entry.terminal.is_some();
    let running = ours.outcome(&child, PATIENCE).and_then(|()| {
        let master = wants_terminal.then(|| receive(&masters)).transpose()?;
        Ok(master)
    });
    match running {
        Ok(master) => Ok(Entered { child, master }),
        Err(error) => {
            // One that the VE keeps stuck in the kernel dies with the VE.
            child.end(DYING);
            Err(error)
        }
    }
}

fn clone_into_group(group: &CgroupEntry) -> Result<Forked, Failure> {
    let mut cloned = clone_into(Namespaces::default(), group.v2());
    if cloned
        .as_ref()
        .is_err_and(|cause| cause.raw_os_error() == Some(Errno::BUSY.raw_os_error()))
    {
        let side = group.side_v2()?;
        cloned = clone_into(Namespaces::default(), side.as_ref().map(AsFd::as_fd));
    }
    cloned.context(|| "create a process in the VE")
}

/// What the child has while it is on its way.
struct Inside<'a> {
    entry: Entry<'a>,
    master: OwnedFd,
}

/// What the child does up to the point where it is root of the VE.
fn steps<'a>() -> [Step<Inside<'a>>; 6] {
    [
        // First, while /proc is the host's.
        Step(|inside| plain_start(inside.entry.nofile)),
        Step(|inside| inside.entry.cgroup.join_v1()),
        Step(|inside| join(inside.entry.init)),
        Step(|_| steps::new_key_ring()),
        Step(|_| become_root()),
        // A session of its own: the caller's terminal must not be the program's.
        Step(|_| {
            rustix::process::setsid()
                .map(drop)
                .context(|| "begin a session")
        }),
    ]
}

/// Why the child does not come to its program.
enum Trouble {
    Failed(Failure),
    /// What was asked for cannot be, for a reason that is no errno.
    Refused(String),
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Trouble::Failed(failure)
    }
}

fn run(inside: &Inside<'_>, channel: &ChildEnd) -> ! {
    match prepare(inside) {
        Err(Trouble::Failed(failure)) => channel.failed(Stage::Preparing, &failure),
        Err(Trouble::Refused(fact)) => channel.refused(fact),
        Ok(account) => {
            channel.executing();
            channel.failed(Stage::Executing, &execute(&inside.entry, &account));
        }
    }
    exit_now(1)
}

fn prepare(inside: &Inside<'_>) -> Result<Account, Trouble> {
    walk(&steps(), inside)?;
    let account = inside.entry.who.account()?;
    stdio(inside)?;
    withhold()?;
    enter_directory(inside.entry.directory.as_deref(), &account)?;
    account.identity.assume()?;
    veld_sys::exec::close_on_exec_from(3).context(|| "close descriptors")?;
    Ok(account)
}

fn stdio(inside: &Inside<'_>) -> Result<(), Trouble> {
    if let Some(size) = inside.entry.terminal {
        let terminal = own_terminal(size)?;
        return Ok(send(&inside.master, &terminal.master)?);
    }
    let [input, output, error] = inside.entry.stdio;
    let given = || -> rustix::io::Result<()> {
        input.map_or(Ok(()), dup2_stdin)?;
        output.map_or(Ok(()), dup2_stdout)?;
        error.map_or(Ok(()), dup2_stderr)
    };
    given().context(|| "pass standard input and output")?;
    refuse_directories()
}

/// A directory of the host's would be a way to all that is below it.
fn refuse_directories() -> Result<(), Trouble> {
    let (input, output, error) = (std::io::stdin(), std::io::stdout(), std::io::stderr());
    let standard = [
        ("input", input.as_fd()),
        ("output", output.as_fd()),
        ("error", error.as_fd()),
    ];
    for (name, fd) in standard {
        // One that is closed is no way to anywhere.
        let kind = fstat(fd).map(|found| FileType::from_raw_mode(found.st_mode));
        if kind == Ok(FileType::Directory) {
            return Err(Trouble::Refused(format!("standard {name} is a directory")));
        }
    }
    Ok(())
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
        let cause = veld_sys::exec::exec_path(&candidate, &arguments, &environment);
        match cause.raw_os_error().map(Errno::from_raw_os_error) {
            Some(Errno::NOENT | Errno::NOTDIR) => {}
            _ => refusal = refusal.or(Some(cause)),
        }
    }
    let cause = refusal.unwrap_or_else(|| Errno::NOENT.into());
    Failure::new(
        format!("execute {} in the VE", program.to_string_lossy()),
        cause,
    )
}

/// Paths at which the program may be, as execvp(3) has them.
fn candidates(program: &CStr, path: &str) -> Vec<CString> {
    let program = program.to_bytes();
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

fn receive(socket: &OwnedFd) -> Result<OwnedFd, Failure> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    recvmsg(
        socket,
        &mut [IoSliceMut::new(&mut byte)],
        &mut control,
        RecvFlags::CMSG_CLOEXEC,
    )
    .context(|| "receive the terminal")?;
    control
        .drain()
        .find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
            // Nothing else was asked for.
            RecvAncillaryMessage::ScmCredentials(_) | _ => None,
        })
        .ok_or_else(|| Failure::new("receive the terminal", Errno::NODATA))
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
