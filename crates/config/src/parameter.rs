//! The validators of single parameters, for files and for the command line alike.
//!
//! A type that is right wherever it stands has `FromStr`; a number whose range
//! is the parameter's own is read by a function named after the parameter, fit
//! for clap's `value_parser`.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;

mod cpu_list;
mod openvz;
mod rlimit;

pub use cpu_list::CpuList;
pub use openvz::{diskinodes, diskspace};
pub use rlimit::Rlimit;
pub use veld_protocol::restart::Policy as RestartPolicy;
use veld_units::{BarrierLimit, Bytes, Count, Error, Timespan};

use crate::Invalid;

/// The least and the most on disk.
const LEAST_DISK: Bytes = Bytes::new(16 << 20);
const MOST_DISK: Bytes = Bytes::new(8192 << 40);

/// The least memory of a VE. A shell with one child lives in 2 MiB, and the
/// kernel kills it in 1; twice that leaves room for a PID 1 beside them.
pub const LEAST_RAM: Bytes = Bytes::mib(4);

/// The memory of a VE: at least [`LEAST_RAM`]. A barrier before it is where the
/// kernel begins to slow the VE down; see [`barrier`].
///
/// # Errors
/// It is no size and no pair of sizes, or too little.
pub fn ram(text: &str) -> Result<BarrierLimit, Error> {
    let pair: BarrierLimit = text.parse()?;
    if pair.limit() < LEAST_RAM {
        return Err(Error::out_of_range(text, "4M or more"));
    }
    Ok(pair)
}

/// What a VE may have on disk.
///
/// # Errors
/// It is no size, or too little for any distribution.
pub fn disk(text: &str) -> Result<Bytes, Error> {
    let size: Bytes = text.parse()?;
    if !(LEAST_DISK..=MOST_DISK).contains(&size) {
        return Err(Error::out_of_range(text, "16M to 8192T"));
    }
    // Whole blocks of all file systems.
    Ok(Bytes::new(size.get().next_multiple_of(4096)))
}

/// How many files and directories a VE may have.
///
/// # Errors
/// It is no number, or too few for any distribution.
pub fn inodes(text: &str) -> Result<u64, Error> {
    let allowed = "100 to 4294967295, or 0 for as many as there may be";
    match text.parse::<u64>() {
        Ok(count) if count == 0 || (100..=u64::from(u32::MAX)).contains(&count) => Ok(count),
        Ok(_) => Err(Error::out_of_range(text, allowed)),
        Err(_) => Err(Error::malformed(text, "a number of inodes", allowed)),
    }
}

/// The swap space of a VE; 0 is none. It may be a pair as that of [`ram`] is.
///
/// # Errors
/// It is no size and no pair of sizes.
pub fn swap(text: &str) -> Result<BarrierLimit, Error> {
    text.parse()
}

/// The barrier of a pair, where it means something: not as OpenVZ has it when
/// there is none, as 0 or the same as the limit.
#[must_use]
pub fn barrier(pair: BarrierLimit) -> Option<Bytes> {
    let means = pair.barrier().get() > 0 && pair.barrier() < pair.limit();
    means.then(|| pair.barrier())
}

/// A size of memory.
///
/// # Errors
/// It is no size.
pub fn memory(text: &str) -> Result<Bytes, Error> {
    text.parse()
}

/// A weight for the time of disks: 1 to 1,000, of which 100 is usual.
///
/// # Errors
/// It is no whole number, or out of this range.
pub fn io_weight(text: &str) -> Result<Count, Error> {
    Count::parse_between(text, 1, 1000, "1 to 1000")
}

/// Bytes a second: at least a page, of which everything consists.
///
/// # Errors
/// It is no size, or too little.
pub fn io_limit(text: &str) -> Result<Bytes, Error> {
    let rate: Bytes = text.parse()?;
    if rate.get() < 4096 {
        return Err(Error::out_of_range(text, "4K or more"));
    }
    Ok(rate)
}

/// What is added to the badness of each process when the host is out of memory.
///
/// # Errors
/// It is no whole number, or out of the kernel's range.
///
/// # Kernel
/// proc_pid_oom_score_adj(5).
pub fn oom_score_adj(text: &str) -> Result<i32, Error> {
    whole_between(text, -1000, 1000, "-1000 to 1000")
}

/// How many entries of a table of the kernel; 0 is none.
///
/// # Errors
/// It is no whole number, or more than the kernel counts to.
pub fn entries(text: &str) -> Result<u32, Error> {
    let allowed = "0 to 2147483647";
    let most = whole_between(text, 0, i32::MAX, allowed)?;
    u32::try_from(most).map_err(|_| Error::out_of_range(text, allowed))
}

fn whole_between(text: &str, least: i32, most: i32, allowed: &'static str) -> Result<i32, Error> {
    match text.parse::<i32>() {
        Ok(number) if (least..=most).contains(&number) => Ok(number),
        Ok(_) => Err(Error::out_of_range(text, allowed)),
        Err(_) => Err(Error::malformed(text, "a whole number", allowed)),
    }
}

/// How many CPUs a VE sees: 1 to 8,192, the most that mainline builds for.
///
/// # Errors
/// It is no whole number, or out of this range.
pub fn cpus(text: &str) -> Result<Count, Error> {
    Count::parse_between(text, 1, 8192, "1 to 8192")
}

/// How many processes and threads a VE may have: at least 8, which is an init,
/// what it supervises and a shell; at most the kernel's own limit, 2^22.
///
/// # Errors
/// It is no whole number, or out of this range.
pub fn processes(text: &str) -> Result<Count, Error> {
    Count::parse_between(text, 8, 4_194_304, "8 to 4194304")
}

/// How long a start may take: at least a second.
///
/// # Errors
/// It is no duration, or zero.
pub fn start_timeout(text: &str) -> Result<Timespan, Error> {
    let time: Timespan = text.parse()?;
    if time.as_secs() == 0 {
        return Err(Error::out_of_range(text, "1s or more"));
    }
    Ok(time)
}

/// How long a stop waits for the VE to end by itself; 0 does not wait.
///
/// # Errors
/// It is no duration.
pub fn stop_timeout(text: &str) -> Result<Timespan, Error> {
    text.parse()
}

/// After which ends a VE is started again.
///
/// # Errors
/// It is no such word.
pub fn restart(text: &str) -> Result<RestartPolicy, Invalid> {
    text.parse()
        .map_err(|_| Invalid::form(text, "a restart policy", "no, on-failure or always"))
}

/// A VE's place among those that start with the host: the least come first, and
/// those of one number together. Below 0 is before all that were given none.
///
/// # Errors
/// It is no whole number, or out of this range.
pub fn boot_order(text: &str) -> Result<i32, Error> {
    whole_between(text, -1000, 1000, "-1000 to 1000")
}

/// An address that a VE may have: one host's, and reachable from another.
///
/// # Errors
/// It is no address, or one of a kind that no VE can have.
pub fn address(text: &str) -> Result<IpAddr, Invalid> {
    let Ok(address) = text.parse() else {
        let text = text.to_owned();
        return Err(Invalid::NotAnAddress { text });
    };
    match unfit(address) {
        None => Ok(address),
        Some(class) => Err(Invalid::Address {
            text: text.to_owned(),
            class,
        }),
    }
}

/// Why an address, or the first one of a pool, cannot be a VE's.
pub(crate) fn unfit(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(v4) if v4.is_broadcast() => Some("the broadcast address"),
        IpAddr::V4(v4) if v4.octets()[0] == 0 => Some("unspecified"),
        IpAddr::V4(v4) if v4.is_link_local() => Some("link-local"),
        IpAddr::V4(v4) if v4.octets()[0] >= 240 => Some("reserved"),
        IpAddr::V6(v6) if v6.is_unspecified() => Some("unspecified"),
        IpAddr::V6(v6) if v6.is_unicast_link_local() => Some("link-local"),
        IpAddr::V6(v6) if embeds_v4(v6) => Some("an IPv4 address in IPv6's form"),
        _ if address.is_loopback() => Some("loopback"),
        _ if address.is_multicast() => Some("multicast"),
        IpAddr::V4(_) | IpAddr::V6(_) => None,
    }
}

/// ::ffff:0:0/96 (mapped) and ::/96 (compatible), neither of which is routed.
fn embeds_v4(address: Ipv6Addr) -> bool {
    !address.is_loopback() && address.to_ipv4().is_some()
}

/// An absolute path without `..`, control characters or trailing parts that
/// would make it another path when joined: what a host path in a config may be.
///
/// # Errors
/// It is not.
pub fn absolute_path(text: &str) -> Result<PathBuf, Invalid> {
    let path = Path::new(text);
    let plain = path
        .components()
        .all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
    let named = path.file_name().is_some() && !text.chars().any(char::is_control);
    // 4,095 is PATH_MAX less its NUL.
    if path.is_absolute() && plain && named && text.len() <= 4095 {
        Ok(path.components().collect())
    } else {
        let allowed = "an absolute path without ..";
        Err(Invalid::form(text, "a path", allowed))
    }
}

/// Who is PID 1 of a VE.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum InitWay {
    /// As befits the init.
    #[default]
    Auto,
    /// The init itself.
    HandOver,
    /// Ours, which runs what the init would.
    Supervise,
}

/// How a VE's services are brought up: `auto`, `hand-over` or `supervise`, a
/// command, or one of the latter two words before a command.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Init {
    /// Who is PID 1.
    pub way: InitWay,
    /// What to run instead of the init that the template has: an absolute path,
    /// of a program or of a directory of services, and operands.
    pub command: Option<String>,
}

impl InitWay {
    const ALL: [Self; 3] = [Self::Auto, Self::HandOver, Self::Supervise];

    fn word(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::HandOver => "hand-over",
            Self::Supervise => "supervise",
        }
    }
}

impl FromStr for Init {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let invalid = || {
            let allowed = "auto, hand-over, supervise, an absolute path with operands, \
                           or hand-over or supervise before one";
            Invalid::form(text, "an init", allowed)
        };
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        let way = InitWay::ALL.into_iter().find(|way| way.word() == word);
        let command = match way {
            Some(InitWay::Auto) if !rest.is_empty() => return Err(invalid()),
            Some(_) => rest.trim(),
            None => text.trim(),
        };
        let way = way.unwrap_or_default();
        if way.word() == text {
            return Ok(Self { way, command: None });
        }
        let program = command.split_ascii_whitespace().next().unwrap_or_default();
        if absolute_path(program).is_err() || command.contains(char::is_control) {
            return Err(invalid());
        }
        Ok(Self {
            way,
            command: Some(command.to_owned()),
        })
    }
}

impl fmt::Display for Init {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.command {
            None => f.write_str(self.way.word()),
            Some(command) if self.way == InitWay::Auto => f.write_str(command),
            Some(command) => write!(f, "{} {command}", self.way.word()),
        }
    }
}

/// How an interface of a VE is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Mode {
    /// A link of its own to the host, which routes (OpenVZ's venet).
    #[default]
    Routed,
    /// A port of a bridge of the host's.
    Bridge,
    /// A link beside one of the host's, with a MAC address of its own.
    Macvlan,
    /// The same with the MAC address of the host's link.
    Ipvlan,
    /// A device of the host's, which the host does without meanwhile.
    Physical,
    /// Not at all; what else is set is kept in the config, not used.
    None,
}

impl Mode {
    const ALL: [Self; 6] = [
        Self::Routed,
        Self::Bridge,
        Self::Macvlan,
        Self::Ipvlan,
        Self::Physical,
        Self::None,
    ];

    fn word(self) -> &'static str {
        match self {
            Self::Routed => "routed",
            Self::Bridge => "bridge",
            Self::Macvlan => "macvlan",
            Self::Ipvlan => "ipvlan",
            Self::Physical => "physical",
            Self::None => "none",
        }
    }
}

impl FromStr for Mode {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let mode = Self::ALL.into_iter().find(|mode| mode.word() == text);
        mode.ok_or_else(|| {
            let allowed = "routed, bridge, macvlan, ipvlan, physical or none";
            Invalid::form(text, "a network mode", allowed)
        })
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What a VE finds of cgroups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Cgroup {
    /// The tree of v2.
    #[default]
    Unified,
    /// v1's hierarchy of systemd, for distributions that know no v2.
    Legacy,
}

impl FromStr for Cgroup {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text {
            "unified" => Ok(Self::Unified),
            "legacy" => Ok(Self::Legacy),
            _ => Err(Invalid::form(
                text,
                "a kind of cgroup tree",
                "unified or legacy",
            )),
        }
    }
}

impl fmt::Display for Cgroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unified => "unified",
            Self::Legacy => "legacy",
        })
    }
}

/// Whom a VE asks for names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dns {
    /// Those whom the host asks, from its resolv.conf.
    Host,
    /// One on the host that knows the VEs by their names, and asks the host's.
    Veld,
    /// The server at this address, which may be the VE's own loopback.
    Server(IpAddr),
}

impl FromStr for Dns {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text {
            "host" => return Ok(Self::Host),
            "veld" => return Ok(Self::Veld),
            _ => {}
        }
        match text.parse::<IpAddr>() {
            Ok(server) if !server.is_unspecified() && !server.is_multicast() => {
                Ok(Self::Server(server))
            }
            _ => {
                let allowed = "host, veld or the IP address of one";
                Err(Invalid::form(text, "a name server", allowed))
            }
        }
    }
}

impl fmt::Display for Dns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host => f.write_str("host"),
            Self::Veld => f.write_str("veld"),
            Self::Server(address) => address.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests;
