//! The one nftables table: its text, and getting it into the kernel.
//!
//! The rules are the same for every link and name none, so they are loaded once
//! and stay. An empty chain named by a digest of the text says which rules are
//! loaded: new pools or a new release have another name, and the whole table is
//! then replaced in one transaction, between two packets.

use std::fmt::Write as _;
use std::io::{self, Read, Write as _};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, retry_on_intr};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use veld_sys::{Context, Failure, fault};

use crate::{Error, HostNetwork, nfnetlink};

/// The program that turns rules into netlink.
const NFT: &str = "nft";
/// Where it is looked for: a user's PATH may lack the sbin directories.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// How long nft may take; it takes 3 ms.
const PATIENCE: Duration = Duration::from_secs(10);

/// Loads the rules for `network` unless just these are loaded.
pub(crate) fn ensure(network: &HostNetwork) -> Result<(), Error> {
    let table = &network.link_prefix;
    let body = body(network);
    let mark = mark(&body);
    match nfnetlink::has_chain(table, &mark) {
        Ok(true) => return Ok(()),
        Ok(false) => {}
        Err(error) => return Err(refused(table, error)),
    }
    let script = format!(
        "add table inet {table}\ndelete table inet {table}\n\
         table inet {table} {{\n\tchain {mark} {{ }}\n{body}}}\n"
    );
    run(NFT, table, &script)
}

/// Removes the table; none is fine.
pub(crate) fn remove(table: &str) -> Result<(), Error> {
    match nfnetlink::has_table(table) {
        Ok(true) => {
            // Added first, so that it may vanish meanwhile.
            let script = format!("add table inet {table}\ndelete table inet {table}\n");
            run(NFT, table, &script)
        }
        Ok(false) => Ok(()),
        Err(error) if nfnetlink::is_missing(&error) => Ok(()),
        Err(error) => Err(refused(table, error)),
    }
}

fn refused(table: &str, error: io::Error) -> Error {
    let missing = nfnetlink::is_missing(&error);
    let failure = Failure::new(format!("look up table inet {table}"), error);
    if missing {
        Error::NoNftables(failure)
    } else {
        Error::Failed(failure)
    }
}

/// What the table holds besides its mark.
///
/// Nothing of it is for one guest. The prefix is checked to be letters, and
/// networks print as numbers, so nothing needs quoting.
fn body(network: &HostNetwork) -> String {
    let ours = format!("\"{}*\"", network.link_prefix);
    // What comes over a bridge is looked at where it enters that, if by us; with
    // br_netfilter the host sees it here once more.
    let bridge = format!("\"{}\"", crate::own_bridge(&network.link_prefix));
    let mut pools = Vec::new();
    if let Some(pool) = network.pool4 {
        pools.push(("ip", format!("{}/{}", pool.network(), pool.prefix())));
    }
    if let Some(pool) = network.pool6 {
        pools.push(("ip6", format!("{}/{}", pool.network(), pool.prefix())));
    }
    let mut text = format!(
        "\tchain prerouting {{
\t\ttype filter hook prerouting priority raw; policy accept;
\t\tiifname {ours} iifname != {bridge} jump from_guest
\t}}
\tchain from_guest {{
\t\tfib saddr . iif oif missing drop
\t\ticmp type redirect drop
\t\ticmpv6 type {{ nd-redirect, nd-router-advert }} drop
\t\tudp sport . udp dport {{ 67 . 68, 547 . 546 }} drop
\t\ticmpv6 type nd-neighbor-solicit accept
\t\tip daddr {{ 224.0.0.0/4, 255.255.255.255 }} drop
\t\tip6 daddr ff00::/8 drop
\t}}
"
    );
    let mut forward = String::new();
    let mut postrouting = String::new();
    for (family, pool) in pools {
        // A String takes all that is written to it.
        let _ = writeln!(
            forward,
            "\t\toifname != {ours} {family} daddr {pool} reject with icmpx type host-unreachable"
        );
        let _ = writeln!(
            postrouting,
            "\t\toifname != {ours} {family} saddr {pool} masquerade"
        );
    }
    if !forward.is_empty() {
        let _ = write!(
            text,
            "\tchain forward {{
\t\ttype filter hook forward priority filter; policy accept;
{forward}\t}}
\tchain postrouting {{
\t\ttype nat hook postrouting priority srcnat; policy accept;
{postrouting}\t}}
"
        );
    }
    text
}

/// The name of the chain that stands for these rules: their FNV-1a hash. It is
/// to tell our own texts apart, not to withstand anybody.
fn mark(body: &str) -> String {
    let hash = body.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("rules_{hash:016x}")
}

/// Gives a script to nft, which applies all of it or nothing.
fn run(program: &str, table: &str, script: &str) -> Result<(), Error> {
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

#[cfg(test)]
mod tests;
