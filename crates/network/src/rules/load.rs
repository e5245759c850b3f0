//! Running nft, which knows how to compile rules.

use std::io::{self, Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, retry_on_intr};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use veld_sys::{Context, Failure, fault};

use crate::Error;

/// The program that turns rules into netlink.
const NFT: &str = "nft";
/// Where it is looked for: a user's PATH may lack the sbin directories.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// How long nft may take; it takes 3 ms, and seconds where processors are emulated.
const PATIENCE: Duration = Duration::from_secs(30);

/// Gives a script to nft, which applies all of it or nothing.
pub(crate) fn run(table: &str, script: &str) -> Result<(), Error> {
    run_by(NFT, table, script)
}

pub(super) fn run_by(program: &str, table: &str, script: &str) -> Result<(), Error> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the rules are loaded once per boot, and nft is who knows how to compile them"
    )]
    let mut command = Command::new(program);
    command
        .args(["-f", "-"])
        .env_clear()
        .env("PATH", PATH)
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let what = || format!("run {program}");
    fault::point("load nftables rules").context(what)?;
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(Error::NoNftables(Failure::new(what(), error)));
        }
        Err(error) => return Err(Failure::new(what(), error).into()),
    };
    // The script fits a pipe, so this waits for nobody. An nft that does not
    // read it says why by its status.
    let written = child
        .stdin
        .take()
        .map_or(Ok(()), |mut stdin| stdin.write_all(script.as_bytes()));
    let waited = wait(&child);
    if waited.is_err() {
        let _ = child.kill();
    }
    let mut message = String::new();
    let status = child.wait().context(what)?;
    waited.context(what)?;
    if status.success() {
        return Ok(written.context(what)?);
    }
    if let Some(stderr) = child.stderr.take() {
        let _ = stderr.take(4096).read_to_string(&mut message);
    }
    Err(Error::RulesRefused {
        table: table.to_owned(),
        message: message
            .lines()
            .next()
            .map_or_else(|| format!("{program}: {status}"), str::to_owned),
    })
}

/// Waits until a child has ended, but not for ever.
fn wait(child: &Child) -> io::Result<()> {
    let pidfd = pidfd_open(Pid::from_child(child), PidfdFlags::empty())?;
    let patience = Timespec::try_from(PATIENCE).map_err(|_| Errno::INVAL)?;
    let mut ended = [PollFd::new(&pidfd, PollFlags::IN)];
    match retry_on_intr(|| poll(&mut ended, Some(&patience)))? {
        0 => Err(Errno::TIMEDOUT.into()),
        _ => Ok(()),
    }
}
