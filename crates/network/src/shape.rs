//! Rates: how many bytes a second go over a link, each way.
//!
//! ```text
//!  to the guest      routing ──> [tbf] veld5 ────────────> eth0
//!  from the guest    routing <── veld5 <── [tbf] veld5o <── mirred <── veld5 <── eth0
//! ```
//!
//! A token bucket is a queue, so it stands where packets leave a link. What goes to
//! the guest leaves the host end. What comes from it arrives there, and a queue at the
//! guest's own end would be the guest's to remove; so it is led through an
//! intermediate functional block, a link of the host's whose queue it leaves, and goes
//! on as if it had just come by the host end: all rules see it as they always do. That
//! link is there only where this rate is set.
//!
//! A rate counts bytes as the counters of the link do. The kernel's buckets count more:
//! they add to a long segment the headers that it will have once it is cut, which may
//! be a twentieth. A size table without any entry makes them count what there is, so
//! that a rate, its counters and a traffic quota are of one unit.

mod bucket;
mod request;

use std::io;
use std::ops::ControlFlow;

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE};
use rustix::io::Errno;
use veld_sys::{Context, Failure};

use crate::answer::Link;
use crate::inner::Inner;
use crate::link::open_host;
use crate::rtnl::Rtnl;
use crate::{Error, message, name, stale};
use bucket::Bucket;

/// Bytes per second, each way; none is as fast as it goes, and 0 that nothing goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rates {
    /// To the guest.
    pub inbound: Option<u64>,
    /// From the guest.
    pub outbound: Option<u64>,
}

impl Rates {
    /// The same, and at most `most` either way.
    #[must_use]
    pub fn at_most(self, most: u64) -> Self {
        let least = |rate: Option<u64>| Some(rate.map_or(most, |rate| rate.min(most)));
        Self {
            inbound: least(self.inbound),
            outbound: least(self.outbound),
        }
    }
}

/// Holds link `host_name` to `rates` from now on, whatever it was held to before.
///
/// `ifb_name` is the link that is made where what comes from the guest is limited,
/// and removed where it is not. May be called at any time, and again: a rate that
/// changes drops no packet that is queued.
///
/// # Errors
/// [`Error::BadName`]; [`Error::NotAnIfb`] where another kind of link is called
/// `ifb_name`; [`Error::Failed`] with ENODEV where there is no link `host_name`, and
/// with words where the kernel lacks a part.
///
/// # Kernel
/// tc-tbf(8), tc-stab(8), tc-mirred(8), tc-u32(8); `ifb`, Linux 2.6.16; `clsact`,
/// Linux 4.5.
pub fn shape(host_name: &str, ifb_name: &str, rates: Rates) -> Result<(), Error> {
    name::check_link(host_name)?;
    name::check_link(ifb_name)?;
    let mut host = open_host()?;
    let link = host
        .link(message::get_link(host_name))
        .and_then(|link| link.ok_or_else(|| Errno::NODEV.into()))
        .context(|| format!("find link {host_name}"))?;
    match rates.inbound {
        Some(rate) => limit(&mut host, &link, host_name, rate)?,
        None => unlimit(&mut host, link.index)
            .context(|| format!("lift the limit of what goes to link {host_name}"))?,
    }
    match rates.outbound {
        Some(rate) => lead_through(&mut host, &link, host_name, ifb_name, rate),
        None => {
            // First, so that packets find their way while the other goes.
            not_through(&mut host, link.index)
                .context(|| format!("lift the limit of what comes from link {host_name}"))?;
            remove_ifb(&mut host, ifb_name)
        }
    }
}

/// Removes links of these names that [`shape`] may have made; none is fine. All else
/// goes with the link that is shaped.
///
/// # Errors
/// [`Error::NotAnIfb`] where a link is of another kind; else those of [`shape`].
///
/// # Kernel
/// rtnetlink(7), `RTM_DELLINK`: some 20 ms for each that is there.
pub fn unshape<N: AsRef<str>>(ifb_names: impl IntoIterator<Item = N>) -> Result<(), Error> {
    let mut host = open_host()?;
    for ifb_name in ifb_names {
        remove_ifb(&mut host, ifb_name.as_ref())?;
    }
    Ok(())
}

/// The names of links that [`shape`] made in this network namespace, of those that
/// begin with `prefix`: a sweep finds by them what no guest is there for any more.
///
/// # Errors
/// [`Error::Failed`] where the kernel does not answer.
pub fn shapers(prefix: &str) -> Result<Vec<String>, Error> {
    let mut names = Vec::new();
    open_host()?
        .dump(message::get_links(), |object| {
            let ifb = Inner::parse(object).filter(|link| link.kind == b"ifb");
            let name = ifb.and_then(|link| String::from_utf8(link.name).ok());
            names.extend(name.filter(|name| name.starts_with(prefix)));
            ControlFlow::Continue(())
        })
        .context(|| "list the links that shape others")?;
    Ok(names)
}

/// Puts a bucket where packets leave `link`, or changes the one that is there.
fn limit(host: &mut Rtnl, link: &Link, name: &str, rate: u64) -> Result<(), Failure> {
    let bucket = Bucket::of(rate, link.mtu.unwrap_or(0));
    let flags = NLM_F_CREATE | NLM_F_REPLACE;
    let request = request::bucket(link.index, &bucket);
    host.change("limit rate", request, flags)
        .map_err(|error| lacking(error, "tbf"))
        .context(|| format!("limit link {name} to {rate} bytes/s"))
}

fn unlimit(host: &mut Rtnl, index: u32) -> io::Result<()> {
    let removed = host.change("lift rate", request::no_bucket(index), 0);
    // ENOENT and EINVAL: the queue is the default one, or of somebody else's.
    ignore(removed, &[Errno::NOENT, Errno::INVAL])
}

/// Leads what comes from the guest through link `ifb_name`, limited there.
fn lead_through(
    host: &mut Rtnl,
    link: &Link,
    name: &str,
    ifb_name: &str,
    rate: u64,
) -> Result<(), Error> {
    let what = || format!("limit what comes from link {name} to {rate} bytes/s");
    let made = host
        .change(
            "create ifb",
            request::new_ifb(ifb_name),
            NLM_F_CREATE | NLM_F_EXCL,
        )
        .map_err(|error| lacking(error, "ifb"));
    ignore(made, &[Errno::EXIST]).context(|| format!("create link {ifb_name}"))?;
    let ifb = host
        .link(message::get_link(ifb_name))
        .and_then(|ifb| ifb.ok_or_else(|| Errno::NODEV.into()))
        .context(|| format!("find link {ifb_name}"))?;
    if !ifb.is_ifb {
        return Err(not_ours(ifb_name));
    }
    // What it carries has the length that the shaped link lets through.
    let like_the_other = Link {
        index: ifb.index,
        mtu: link.mtu,
        ..Link::default()
    };
    limit(host, &like_the_other, ifb_name, rate)?;
    host.change("set ifb up", message::up(ifb.index), 0)
        .context(|| format!("take link {ifb_name} up"))?;
    let new = NLM_F_CREATE | NLM_F_EXCL;
    let hooked = host.change("add ingress hook", request::hook(link.index), new);
    ignore(
        hooked.map_err(|error| lacking(error, "clsact")),
        &[Errno::EXIST],
    )
    .context(what)?;
    // Where it is there already it may lead to a link that is gone.
    let redirect = request::redirect(link.index, ifb.index);
    host.change("redirect ingress", redirect, NLM_F_CREATE | NLM_F_REPLACE)
        .map_err(|error| lacking(error, "u32 or mirred"))
        .context(what)?;
    Ok(())
}

fn remove_ifb(host: &mut Rtnl, name: &str) -> Result<(), Error> {
    name::check_link(name)?;
    let remove = || format!("remove link {name}");
    match host.link(message::get_link(name)).context(remove)? {
        None => Ok(()),
        Some(link) if !link.is_ifb => Err(not_ours(name)),
        Some(link) => Ok(stale::delete(host, link.index).context(remove)?),
    }
}

fn not_through(host: &mut Rtnl, index: u32) -> io::Result<()> {
    let removed = host.change("remove ingress hook", request::no_hook(index), 0);
    ignore(removed, &[Errno::NOENT, Errno::INVAL])
}

fn ignore(result: io::Result<()>, expected: &[Errno]) -> io::Result<()> {
    result.or_else(|error| match Errno::from_io_error(&error) {
        Some(errno) if expected.contains(&errno) => Ok(()),
        _ => Err(error),
    })
}

/// ENOENT and EOPNOTSUPP say that the kernel does not know the kind of something.
fn lacking(error: io::Error, part: &str) -> io::Error {
    match Errno::from_io_error(&error) {
        Some(Errno::NOENT | Errno::OPNOTSUPP) => io::Error::new(
            io::ErrorKind::Unsupported,
            format!("this kernel has no {part}"),
        ),
        _ => error,
    }
}

fn not_ours(name: &str) -> Error {
    Error::NotAnIfb {
        name: name.to_owned(),
    }
}
