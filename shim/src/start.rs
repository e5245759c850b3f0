//! From whatever the launcher was to what the shim is: arguments, descriptors,
//! signals, name, working directory.

use std::ffi::{CString, OsStr, OsString};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::time::Duration;

use rustix::process::Signal;
use veld_protocol::shim;
use veld_protocol::watched::Watched;
use veld_sys::{Context, Failure, descriptor, signal};

use crate::log::Log;
use crate::run_directory::RunDirectory;

/// All that a shim is given.
#[derive(Debug)]
pub(crate) struct Start {
    /// What to execute once the VE has ended.
    pub(crate) successor: Successor,
    /// Where to tell about it.
    pub(crate) directory: RunDirectory,
    /// What to do meanwhile.
    pub(crate) task: Task,
}

/// What a shim is there for.
#[derive(Debug)]
pub(crate) enum Task {
    /// A VE runs; this is what to watch.
    Serve(Descriptors),
    /// It is to be started again after this time.
    Wait(Duration),
}

/// The command that goes on after the end, ready to be executed.
#[derive(Debug)]
pub(crate) struct Successor {
    pub(crate) command: CString,
    pub(crate) arguments: [CString; 3],
    /// Of the command that looks after the VE's account meanwhile.
    pub(crate) account: [CString; 3],
    /// The VE's network namespace, held for it. A wait has none.
    pub(crate) network: Option<OwnedFd>,
}

/// The descriptors by meaning; see [`veld_protocol::shim`] for each.
#[derive(Debug)]
pub(crate) struct Descriptors {
    pub(crate) init: OwnedFd,
    pub(crate) console: OwnedFd,
    pub(crate) clients: OwnedFd,
    pub(crate) notices: OwnedFd,
    pub(crate) console_slave: OwnedFd,
    /// What tells of refusals, in the order of the numbers.
    pub(crate) watched: Vec<(Watched, OwnedFd)>,
}

/// Takes what the launcher left, and takes leave of it.
///
/// # Errors
/// Missing arguments or descriptors; otherwise nothing here fails on a kernel
/// that got as far as starting a VE.
pub(crate) fn start() -> Result<Start, Failure> {
    let directory = RunDirectory::new(take(shim::RUN_DIRECTORY, "run directory")?);
    match prepare() {
        Ok((successor, task)) => Ok(Start {
            successor,
            directory,
            task,
        }),
        Err(failure) => {
            Log::note(&directory, &failure);
            Err(failure)
        }
    }
}

fn prepare() -> Result<(Successor, Task), Failure> {
    let mut given = std::env::args_os().skip(1);
    let mut successor = successor(&mut given)?;
    let mut given = given.peekable();
    let task = match given.next_if(|word| word == shim::WAIT) {
        None => {
            successor.network = Some(take(shim::NETWORK, "network namespace")?);
            Task::Serve(descriptors(given)?)
        }
        Some(_) => Task::Wait(duration(&given.next().unwrap_or_default())?),
    };
    // The tool, or whoever stops the host, may signal the process group of the
    // launcher; a client that vanishes raises SIGPIPE. None of it concerns the VE.
    for unwanted in [Signal::PIPE, Signal::HUP, Signal::INT] {
        signal::ignore(unwanted).context(|| "ignore signals")?;
    }
    let name = CString::new(shim::PROGRAM).context(|| "name the process")?;
    rustix::thread::set_name(&name).context(|| "name the process")?;
    // No mount is kept busy by a process that stands in the root directory.
    rustix::process::chdir(c"/").context(|| "change directory to /")?;
    Ok((successor, task))
}

fn take(number: i32, what: &str) -> Result<OwnedFd, Failure> {
    descriptor::take_inherited(number).context(|| format!("use descriptor {number} as {what}"))
}

fn descriptors(words: impl Iterator<Item = OsString>) -> Result<Descriptors, Failure> {
    Ok(Descriptors {
        init: take(shim::INIT, "pidfd of PID 1")?,
        console: take(shim::CONSOLE, "console")?,
        clients: take(shim::CLIENTS, "socket of console clients")?,
        notices: take(shim::NOTICES, "socket of notices")?,
        console_slave: take(shim::CONSOLE_SLAVE, "slave of the console")?,
        watched: watched(words)?,
    })
}

/// What each word says of its descriptor.
fn watched(words: impl Iterator<Item = OsString>) -> Result<Vec<(Watched, OwnedFd)>, Failure> {
    let numbers = (shim::WATCHED..).take(shim::MOST_WATCHED);
    numbers
        .zip(words)
        .map(|(number, word)| {
            let what = word.to_str().and_then(|word| word.parse().ok());
            let what = what.ok_or(rustix::io::Errno::INVAL);
            let what = what.context(|| format!("watch {}", word.display()))?;
            Ok((what, take(number, "something to watch")?))
        })
        .collect()
}

fn duration(milliseconds: &OsStr) -> Result<Duration, Failure> {
    let number = milliseconds.to_str().and_then(|text| text.parse().ok());
    let number = number.ok_or(rustix::io::Errno::INVAL);
    let operation = || format!("wait for {} milliseconds", milliseconds.display());
    Ok(Duration::from_millis(number.context(operation)?))
}

fn successor(given: &mut impl Iterator<Item = OsString>) -> Result<Successor, Failure> {
    let mut next = |what: &str| {
        let missing = || rustix::io::Errno::INVAL;
        let argument = given.next().ok_or_else(missing);
        argument.context(|| format!("find {what} among the arguments"))
    };
    let (name, command) = (next("the VE's name")?, next("the command's path")?);
    let name = c_string(name)?;
    let arguments = |verb: &str| -> Result<_, Failure> {
        Ok([
            c_string("veld".into())?,
            c_string(verb.into())?,
            name.clone(),
        ])
    };
    Ok(Successor {
        command: c_string(command)?,
        arguments: arguments(shim::AFTER_END)?,
        account: arguments(shim::ACCOUNT)?,
        network: None,
    })
}

fn c_string(argument: OsString) -> Result<CString, Failure> {
    CString::new(argument.into_vec()).context(|| "take an argument")
}
