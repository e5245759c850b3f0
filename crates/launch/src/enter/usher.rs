//! The process between the command and the program: it goes into the VE, all but
//! its number, and makes the program's process there.

use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::{FileType, fchown, fstat, fstatfs};
use rustix::process::{DumpableBehavior, Gid, Uid, set_dumpable_behavior};
use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout};
use veld_namespaces::join;
use veld_privileges::{become_root, plain_start};
use veld_protocol::boot::Stage;
use veld_sys::process::{exit_now, fork_sibling};
use veld_sys::{Context, Failure};

use super::{OnTheWay, inside};
use crate::steps::{self, Step, walk};

pub(super) fn run(way: &OnTheWay<'_>) -> ! {
    if let Some(fact) = unfit_stdio(way) {
        way.channel.refused(fact);
        exit_now(1)
    }
    let born =
        walk(&steps(), way).and_then(|()| fork_sibling().context(|| "create a process in the VE"));
    match born {
        Ok(None) => inside::run(way),
        Ok(Some(pid)) => way.channel.born(pid),
        Err(failure) => way.channel.failed(Stage::Preparing, &failure),
    }
    exit_now(0)
}

fn steps<'a>() -> [Step<OnTheWay<'a>>; 8] {
    [
        // First, while /proc is the host's.
        Step(|way| plain_start(&way.entry.bounds)),
        Step(|way| place_stdio(way.entry.stdio)),
        Step(|way| own_pipes(way.entry.owner)),
        Step(|way| way.entry.cgroup.join_v1()),
        Step(|way| join(way.entry.init)),
        // From here on paths are the VE's, and could lead through /proc/self/fd
        // to whatever is open.
        Step(|way| {
            veld_sys::exec::close_all_but(&[way.channel.as_fd(), way.master.as_fd()])
                .context(|| "close descriptors")
        }),
        Step(|_| become_root()),
        // A change of ids can make a process dumpable, as the host is set.
        Step(|_| stay_untraceable().and_then(|()| steps::new_key_ring())),
    ]
}

pub(super) fn stay_untraceable() -> Result<(), Failure> {
    set_dumpable_behavior(DumpableBehavior::NotDumpable).context(|| "stay untraceable")
}

fn place_stdio(stdio: [Option<BorrowedFd<'_>>; 3]) -> Result<(), Failure> {
    let [input, output, error] = stdio;
    let given = || -> rustix::io::Result<()> {
        input.map_or(Ok(()), dup2_stdin)?;
        output.map_or(Ok(()), dup2_stdout)?;
        error.map_or(Ok(()), dup2_stderr)
    };
    given().context(|| "pass standard input and output")
}

/// A directory of the host's would be a way to all that is below it.
fn unfit_stdio(way: &OnTheWay<'_>) -> Option<String> {
    let [input, output, error] = way.entry.stdio;
    let (stdin, stdout, stderr) = (std::io::stdin(), std::io::stdout(), std::io::stderr());
    let standard = [
        ("input", input.unwrap_or(stdin.as_fd())),
        ("output", output.unwrap_or(stdout.as_fd())),
        ("error", error.unwrap_or(stderr.as_fd())),
    ];
    let directory = standard.into_iter().find(|(_, fd)| {
        // One that is closed is no way to anywhere.
        fstat(fd).is_ok_and(|found| FileType::from_raw_mode(found.st_mode) == FileType::Directory)
    });
    directory.map(|(name, _)| format!("standard {name} is a directory"))
}

/// Makes pipes at standard input and outputs the VE's, so that its programs can
/// open /dev/stdin, /dev/stdout and /dev/stderr. Files are left as they are, and
/// fifos, which are files.
///
/// # Kernel
/// pipe(7); "pipefs" in linux/magic.h.
fn own_pipes(owner: u32) -> Result<(), Failure> {
    const PIPEFS: i64 = 0x5049_5045;
    let (input, output, error) = (std::io::stdin(), std::io::stdout(), std::io::stderr());
    for fd in [input.as_fd(), output.as_fd(), error.as_fd()] {
        if fstatfs(fd).is_ok_and(|found| found.f_type == PIPEFS) {
            fchown(fd, Some(Uid::from_raw(owner)), Some(Gid::from_raw(owner)))
                .context(|| "give a pipe to the VE")?;
        }
    }
    Ok(())
}
