//! A link of the host's that is a guest's as long as it runs.
//!
//! ```text
//! host: enp3s0 ──attach──> guest: eth1 ──release──> host: enp3s0
//!                              └─ its namespace died ─> host: eth1 or dev4 ──recover──> enp3s0
//! ```
//!
//! The kernel does not let hardware die with a namespace: it goes to the first
//! namespace of the machine, under the name that it has then, or `devN` where that
//! is taken. Virtual links are removed. So what a link was is noted before it is
//! moved, and it is known again by the address that its maker gave it.

use std::fmt;
use std::ops::ControlFlow;
use std::os::fd::{AsFd, BorrowedFd};
use std::str::FromStr;

use rustix::fs::{Mode, OFlags, open};
use rustix::io::Errno;
use veld_sys::{Context, Failure};

use crate::inner::{self, Inner};
use crate::interface::{Interface, Kind};
use crate::link::open_host;
use crate::message::{self, kinds};
use crate::rtnl::Rtnl;
use crate::{Error, name, netns, uplink};

/// The name of a link whose own is taken; the kernel fills in a number.
const ANY_NAME: &str = "dev%d";

/// What a link of the host's was before a guest had it: one line of text for a file
/// that outlives whoever moved it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nic {
    /// Its name on the host.
    pub name: String,
    /// Its MTU, bytes.
    mtu: u32,
    /// Its MAC address.
    address: Vec<u8>,
    /// The one that its maker gave it, where it has one.
    permanent: Vec<u8>,
    /// Its kind, where it is virtual.
    kind: String,
}

/// Notes what a link of the host's is.
///
/// # Errors
/// [`Error::BadName`], [`Error::NoSuchLink`]; [`Error::Failed`] as the kernel says.
///
/// # Kernel
/// `IFLA_PERM_ADDRESS`, Linux 5.6.
pub fn nic(name: &str) -> Result<Nic, Error> {
    name::check_link(name)?;
    let mut host = open_host()?;
    note(&mut host, name).map(|(nic, _)| nic)
}

/// Takes a link back from `guest`, whatever the guest did to it, and gives it the
/// name, the MAC address and the MTU that it had; it is down. Whether it was there.
/// `guest_name` is what it was called inside.
///
/// # Errors
/// [`Error::LinkExists`] where another link of the host has its name by now: then
/// it is there under a name of the kernel's; [`Error::Failed`] as the kernel says.
///
/// # Kernel
/// rtnetlink(7), `IFLA_NET_NS_FD`. A link is closed when it moves, and loses what is
/// on top of it.
pub fn release(guest: BorrowedFd<'_>, nic: &Nic, guest_name: &str) -> Result<bool, Error> {
    let is = |inner: &Inner| nic.is(inner, guest_name);
    let find = || inner::search(guest, guest_name, is);
    let Some(inner) = find()? else {
        return Ok(false);
    };
    let what = || format!("take link {} back", nic.name);
    let home = open(
        "/proc/thread-self/ns/net",
        OFlags::RDONLY | OFlags::CLOEXEC,
        Mode::empty(),
    )
    .context(|| "open /proc/thread-self/ns/net")?;
    let [mut inside] = netns::talk(guest)?;
    if nic.permanent.is_empty() {
        // By which it is known on the host.
        let own = kinds::set_mac(inner.index, &nic.address);
        let _ = inside.change("set MAC address", own, 0);
    }
    let mut back = |name: &str| {
        let message = kinds::move_to(inner.index, home.as_fd(), name);
        inside.change("move link back", message, 0)
    };
    let mut moved = back(&nic.name);
    // The kernel moves it first and names it then, so it may be back all the same.
    if is_taken(&moved)
        && let Some(inner) = find()?
    {
        // A further name that the guest gave it is one of the host's.
        let strip = kinds::strip_names(inner.index, &inner.other_names);
        let [mut other] = netns::talk(guest)?;
        other.change("strip names", strip, 0).context(what)?;
        moved = back(&nic.name);
        if is_taken(&moved) && find()?.is_some() {
            moved = back(ANY_NAME);
        }
    }
    if !is_taken(&moved) {
        moved.context(what)?;
    }
    nic.come_home(guest_name)
}

/// Finds a link that the kernel has brought back from a namespace that died, and
/// gives it the name, the MAC address and the MTU that it had. Whether it was found:
/// the kernel comes to a dead namespace in the background.
///
/// # Errors
/// [`Error::LinkExists`] where another link has its name by now; [`Error::Failed`]
/// as the kernel says.
///
/// # Kernel
/// network_namespaces(7). Only a machine's first namespace gets such links.
pub fn recover(nic: &Nic) -> Result<bool, Error> {
    if nic.permanent.is_empty() {
        return Ok(false);
    }
    nic.come_home(&nic.name)
}

/// Whether `guest` has a link of the host's, by what is noted of it; `guest_name` is
/// what it was called inside.
///
/// # Errors
/// [`Error::Failed`] where the namespace cannot be entered.
///
/// # Kernel
/// rtnetlink(7).
pub fn is_inside(guest: BorrowedFd<'_>, nic: &Nic, guest_name: &str) -> Result<bool, Error> {
    Ok(inner::search(guest, guest_name, |inner| nic.is(inner, guest_name))?.is_some())
}

/// Moves a link of the host's into a guest.
pub(crate) fn take(
    host: &mut Rtnl,
    guest: BorrowedFd<'_>,
    interface: &Interface,
    name: &str,
) -> Result<Nic, Error> {
    let what = || format!("move link {name} into the guest");
    let (nic, index) = note(host, name)?;
    if uplink::is(host, index).context(what)? {
        return Err(Error::IsUplink {
            name: name.to_owned(),
        });
    }
    let guest_name = &interface.guest_name;
    let moved = host.change("move link", kinds::move_to(index, guest, guest_name), 0);
    if is_taken(&moved) {
        // See `release`.
        release(guest, &nic, guest_name)?;
        return Err(Error::LinkExists {
            name: guest_name.clone(),
        });
    }
    moved.context(what)?;
    let dressed = dress(guest, interface, &nic);
    if dressed.is_err() {
        // The first failure is the one to report.
        let _ = release(guest, &nic, guest_name);
    }
    dressed.map(|()| nic)
}

/// Gives a link that has come into a guest the MAC address and the MTU asked for.
fn dress(guest: BorrowedFd<'_>, interface: &Interface, nic: &Nic) -> Result<(), Error> {
    let name = &interface.guest_name;
    let found = inner::search(guest, name, |inner| nic.is(inner, name))?;
    let index = found.map(|inner| inner.index).ok_or(Errno::NODEV);
    let index = index.context(|| format!("find link {name} inside"))?;
    let [mut inside] = netns::talk(guest)?;
    if let Kind::Physical { mac: Some(mac), .. } = interface.kind {
        inside
            .change("set MAC address", kinds::set_mac(index, &mac), 0)
            .context(|| format!("set the MAC address of link {name} inside"))?;
    }
    if let Some(mtu) = interface.mtu {
        inside
            .change("set MTU", kinds::set_mtu(index, mtu), 0)
            .context(|| format!("set the MTU of link {name} inside to {mtu}"))?;
    }
    Ok(())
}

fn note(host: &mut Rtnl, name: &str) -> Result<(Nic, u32), Error> {
    let found = host
        .look(message::get_link(name))
        .context(|| format!("look up link {name}"))?;
    let missing = || Error::NoSuchLink {
        name: name.to_owned(),
    };
    let inner = found.and_then(|payload| Inner::parse(&payload));
    let inner = inner.ok_or_else(missing)?;
    let nic = Nic {
        name: name.to_owned(),
        mtu: inner.mtu,
        address: inner.address,
        permanent: inner.permanent,
        kind: String::from_utf8_lossy(&inner.kind).into_owned(),
    };
    Ok((nic, inner.index))
}

fn is_taken(result: &std::io::Result<()>) -> bool {
    result
        .as_ref()
        .is_err_and(|error| Errno::from_io_error(error) == Some(Errno::EXIST))
}

impl Nic {
    /// Whether the kernel brings it back from a namespace that dies.
    #[must_use]
    pub fn is_hardware(&self) -> bool {
        self.kind.is_empty() && !self.permanent.is_empty()
    }

    /// Whether a link is this one: by its maker's address, or where it has none by
    /// what is likely to have stayed.
    fn is(&self, inner: &Inner, name: &str) -> bool {
        let same_kind = inner.kind == self.kind.as_bytes();
        if self.permanent.is_empty() {
            same_kind && (inner.address == self.address || inner.name == name.as_bytes())
        } else {
            same_kind && inner.permanent == self.permanent
        }
    }

    /// Finds it on the host, where it is called `other` if not by its name, and makes
    /// it what it was. Whether it is there.
    fn come_home(&self, other: &str) -> Result<bool, Error> {
        let mut host = open_host()?;
        let Some(found) = self.at_home(&mut host, other)? else {
            return Ok(false);
        };
        let what = || format!("give link {} its name back", self.name);
        let mut renamed = Ok(());
        if found.name != self.name.as_bytes() {
            if found.is_up {
                host.change("set link down", kinds::down(found.index), 0)
                    .context(what)?;
            }
            let rename = |name| kinds::rename(found.index, name);
            renamed = host.change("rename link", rename(&self.name), 0);
            if is_taken(&renamed) {
                // Not under a name that the guest chose.
                host.change("rename link", rename(ANY_NAME), 0)
                    .context(what)?;
            }
        }
        self.restore(&mut host, found.index)?;
        if is_taken(&renamed) {
            return Err(Error::LinkExists {
                name: self.name.clone(),
            });
        }
        renamed.context(what)?;
        Ok(true)
    }

    fn at_home(&self, host: &mut Rtnl, other: &str) -> Result<Option<Inner>, Failure> {
        let what = || format!("look for link {}", self.name);
        let named = host.look(message::get_link(&self.name)).context(what)?;
        let is = |inner: &Inner| self.is(inner, other);
        if let Some(inner) = named.and_then(|payload| Inner::parse(&payload)).filter(is) {
            return Ok(Some(inner));
        }
        let mut found = None;
        open_host()?
            .dump(message::get_links(), |payload| {
                found = Inner::parse(payload).filter(is);
                if found.is_some() {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            })
            .context(what)?;
        Ok(found)
    }

    fn restore(&self, host: &mut Rtnl, index: u32) -> Result<(), Failure> {
        host.change("set MAC address", kinds::set_mac(index, &self.address), 0)
            .context(|| format!("set the MAC address of link {}", self.name))?;
        host.change("set MTU", kinds::set_mtu(index, self.mtu), 0)
            .context(|| format!("set the MTU of link {} to {}", self.name, self.mtu))
    }
}

impl fmt::Display for Nic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, mtu, .. } = self;
        let (address, permanent) = (hex(&self.address), hex(&self.permanent));
        let kind = &self.kind;
        write!(
            f,
            "name={name} mtu={mtu} address={address} permanent={permanent} kind={kind}"
        )
    }
}

/// A text is no note of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a note of a link")]
pub struct NotANic;

impl FromStr for Nic {
    type Err = NotANic;

    fn from_str(line: &str) -> Result<Self, NotANic> {
        let mut words = line.trim_end_matches('\n').split(' ');
        let mut value = |key: &str| {
            let (found, value) = words.next()?.split_once('=')?;
            (found == key).then_some(value)
        };
        let mut parse = || {
            Some(Self {
                name: value("name")
                    .filter(|name| name::check_link(name).is_ok())?
                    .to_owned(),
                mtu: value("mtu")?.parse().ok()?,
                address: bytes(value("address")?)?,
                permanent: bytes(value("permanent")?)?,
                kind: value("kind")?.to_owned(),
            })
        };
        parse().ok_or(NotANic)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = hex.chars().map(|digit| digit.to_digit(16)).collect();
    digits?
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => u8::try_from(high << 4 | low).ok(),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_survives_being_written_down() {
        let mut nic = Nic {
            name: "enp3s0".into(),
            mtu: 9000,
            address: vec![0x52, 0x54, 0, 0x12, 0x34, 0x56],
            permanent: vec![0x52, 0x54, 0, 0x12, 0x34, 0x57],
            kind: String::new(),
        };
        let line = "name=enp3s0 mtu=9000 address=525400123456 permanent=525400123457 kind=";
        assert_eq!(nic.to_string(), line);
        assert_eq!(format!("{line}\n").parse(), Ok(nic.clone()));
        nic.permanent.clear();
        nic.kind = "veth".into();
        assert_eq!(nic.to_string().parse(), Ok(nic));
        for wrong in [
            "",
            "name=a",
            "name=a/b mtu=1 address= permanent= kind=",
            "name=a mtu=x address= permanent= kind=",
            "name=a mtu=1 address=5 permanent= kind=",
            "mtu=1 name=a address= permanent= kind=",
        ] {
            assert_eq!(wrong.parse::<Nic>(), Err(NotANic), "{wrong}");
        }
    }

    #[test]
    fn hardware_is_known_by_its_makers_address_alone() {
        let nic = Nic {
            name: "enp3s0".into(),
            mtu: 1500,
            address: vec![1; 6],
            permanent: vec![2; 6],
            kind: String::new(),
        };
        let mut inner = Inner {
            permanent: vec![2; 6],
            name: b"renamed".to_vec(),
            ..Inner::default()
        };
        assert!(nic.is(&inner, "eth1"));
        inner.kind = b"macvlan".to_vec();
        assert!(!nic.is(&inner, "eth1"), "what inherits it is on top of it");
        let impostor = Inner {
            address: vec![1; 6],
            name: b"eth1".to_vec(),
            ..Inner::default()
        };
        assert!(!nic.is(&impostor, "eth1"));
    }
}
