//! One end of a link, by its number: giving it parts and taking them back.

use std::io;
use std::net::IpAddr;
use std::thread::sleep;
use std::time::{Duration, Instant};

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::address::{AddressFlags, AddressScope};
use rustix::io::Errno;
use veld_sys::{Context, Failure};

use crate::interface::is_link_local;
use crate::link::PATIENCE;
use crate::mac::Text;
use crate::message::{self, kinds};
use crate::parts::Part;
use crate::rtnl::Rtnl;
use crate::stale::{self, InTheWay};
use crate::{Error, uplink};

const NEW: u16 = NLM_F_CREATE | NLM_F_EXCL;
const SET: u16 = NLM_F_CREATE | NLM_F_REPLACE;

/// How often something that another link has is asked for.
const POLL: Duration = Duration::from_millis(1);

/// Whose end it is, and so what may be expected of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// The host's: nobody else alters it.
    Host,
    /// A guest's that nobody runs in yet.
    NewGuest,
    /// A guest's whose root may have altered anything, and may be at it now.
    Guest,
}

/// An end that is altered.
#[derive(Debug)]
pub(crate) struct End<'a> {
    pub(crate) rtnl: &'a mut Rtnl,
    pub(crate) index: u32,
    /// What errors call it.
    pub(crate) name: &'a str,
    pub(crate) owner: Owner,
}

impl End<'_> {
    /// Gives it a part; of a running guest one that is there, or that the guest has
    /// left no room for, is fine.
    pub(crate) fn add(&mut self, part: Part) -> Result<(), Error> {
        if let Part::Claim(address) = part {
            return self.claim(address);
        }
        let (point, message, flags) = addition(self.index, part, self.owner);
        let error = match self.rtnl.change(point, message, flags) {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        let is = |errno| Errno::from_io_error(&error) == Some(errno);
        // Of a change that was killed when it had done this, or by the guest itself.
        let is_there = is(Errno::EXIST) && self.owner != Owner::NewGuest;
        if is_there || (self.owner == Owner::Guest && is_without_way(part, &error)) {
            return Ok(());
        }
        let lacks_ipv6 = matches!(part, Part::Address(address, _) | Part::Lone(address) if address.is_ipv6())
            && (is(Errno::ACCESS) || is(Errno::AFNOSUPPORT) || is(Errno::OPNOTSUPP));
        if lacks_ipv6 {
            return Err(Error::NoIpv6 { link: self.place() });
        }
        Err(Failure::new(self.adding(part), error).into())
    }

    /// Takes it up. One on top of a link may have the MAC address of another there,
    /// whose guest is dead, for as long as the kernel needs for that.
    pub(crate) fn take_up(&mut self) -> Result<(), Error> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let up = message::up(self.index);
            match self.rtnl.change("set link up inside", up, 0) {
                Err(error)
                    if Errno::from_io_error(&error) == Some(Errno::ADDRINUSE)
                        && Instant::now() < deadline =>
                {
                    sleep(POLL);
                }
                taken => return Ok(taken.context(|| format!("take {} up", self.place()))?),
            }
        }
    }

    /// Takes a part back; one that is gone is fine.
    pub(crate) fn remove(&mut self, part: Part) -> Result<(), Error> {
        let (point, message) = removal(self.index, part);
        match self.rtnl.change(point, message, 0) {
            Err(error) if !is_gone(&error) => {
                Err(Failure::new(format!("remove {}", self.what(part)), error).into())
            }
            _ => Ok(()),
        }
    }

    /// Routes an address to the link unless another has it.
    fn claim(&mut self, address: IpAddr) -> Result<(), Error> {
        let what = format!("route {address} to link {}", self.name);
        let what = || what.clone();
        let deadline = Instant::now() + PATIENCE;
        loop {
            let route = message::host_route(self.index, address);
            let error = match self.rtnl.change("add route", route, NEW) {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            if Errno::from_io_error(&error) != Some(Errno::EXIST) || Instant::now() >= deadline {
                return Err(Failure::new(what(), error).into());
            }
            let Some(holder) = uplink::link_to(self.rtnl, address).context(what)? else {
                continue;
            };
            if holder == self.index {
                return Ok(());
            }
            let request = message::get_link_numbered(holder);
            if let InTheWay::Live(link) = stale::clear(self.rtnl, request).context(what)? {
                return Err(Error::AddressTaken { address, link });
            }
        }
    }

    /// Makes a change that some kernels and drivers make to a link that is down only.
    /// Whether it was taken down, which costs it its routes and IPv6 addresses.
    pub(crate) fn change_or_down(
        &mut self,
        point: &str,
        message: RouteNetlinkMessage,
        is_up: bool,
    ) -> io::Result<bool> {
        match self.rtnl.change(point, message.clone(), 0) {
            Err(error) if is_up && Errno::from_io_error(&error) == Some(Errno::BUSY) => {}
            result => return result.map(|()| false),
        }
        self.rtnl
            .change("set link down", kinds::down(self.index), 0)?;
        let changed = self.rtnl.change(point, message, 0);
        self.rtnl
            .change("set link up", message::up(self.index), 0)?;
        changed.map(|()| true)
    }

    /// How texts of errors call this end.
    pub(crate) fn place(&self) -> String {
        let inside = if self.owner == Owner::Host {
            ""
        } else {
            " inside"
        };
        format!("link {}{inside}", self.name)
    }

    fn adding(&self, part: Part) -> String {
        match part {
            Part::Route(address, _) => format!("route {address} to {}", self.place()),
            Part::Default(gateway, _) => {
                format!("make {gateway} the gateway of {}", self.place())
            }
            Part::Address(..)
            | Part::Lone(_)
            | Part::Neighbour(..)
            | Part::Station(_)
            | Part::DefaultBy(..)
            | Part::From(..)
            | Part::Claim(_) => {
                format!("add {}", self.what(part))
            }
        }
    }

    fn what(&self, part: Part) -> String {
        let place = self.place();
        match part {
            Part::Address(address, _) | Part::Lone(address) => {
                format!("address {address} to {place}")
            }
            Part::Neighbour(address, _) => format!("neighbour {address} on {place}"),
            Part::Station(mac) => format!("station {} on {place}", Text(mac)),
            Part::Claim(address) | Part::Route(address, _) => {
                format!("route of {address} to {place}")
            }
            Part::Default(gateway, _) => format!("gateway {gateway} of {place}"),
            Part::DefaultBy(gateway, table) => {
                format!("gateway {gateway} of {place} in table {table}")
            }
            Part::From(address, table) => format!("rule from {address} to table {table}"),
        }
    }
}

/// A guest that took its link down, or its address away, has no way to a gateway
/// there, and is left without.
fn is_without_way(part: Part, error: &io::Error) -> bool {
    matches!(
        part,
        Part::Route(..) | Part::Default(..) | Part::DefaultBy(..) | Part::Neighbour(..)
    ) && matches!(
        Errno::from_io_error(error),
        Some(Errno::NETDOWN | Errno::NETUNREACH | Errno::HOSTUNREACH | Errno::INVAL)
    )
}

fn is_gone(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(
            Errno::SRCH
                | Errno::NOENT
                | Errno::ADDRNOTAVAIL
                | Errno::NODEV
                | Errno::NETUNREACH
                | Errno::AFNOSUPPORT
                | Errno::INVAL
        )
    )
}

fn addition(index: u32, part: Part, owner: Owner) -> (&'static str, RouteNetlinkMessage, u16) {
    let none = AddressFlags::empty();
    let inside = owner != Owner::Host;
    let point = |inside_point, outside_point| if inside { inside_point } else { outside_point };
    match part {
        Part::Address(address, length) => {
            let scope = if is_link_local(address) {
                AddressScope::Link
            } else {
                AddressScope::Universe
            };
            let message = message::address(index, address, length, scope, none);
            (point("add address inside", "add address"), message, NEW)
        }
        Part::Lone(address) => {
            let (length, flags) = (message::full_length(address), AddressFlags::Noprefixroute);
            let message = message::address(index, address, length, AddressScope::Link, flags);
            (point("add address inside", "add address"), message, NEW)
        }
        Part::Neighbour(address, mac) => {
            let message = message::neighbour(index, address, mac);
            (point("add neighbour inside", "add neighbour"), message, SET)
        }
        Part::Station(mac) => ("add station", kinds::station(index, mac), SET),
        Part::DefaultBy(gateway, table) => {
            let route = kinds::route_out_by(index, gateway, table);
            let message = RouteNetlinkMessage::NewRoute(route);
            (point("add route inside", "add route"), message, NEW)
        }
        Part::From(address, table) => {
            let message = RouteNetlinkMessage::NewRule(kinds::rule_from(address, table));
            (point("add rule inside", "add rule"), message, NEW)
        }
        Part::Claim(address) => ("add route", message::host_route(index, address), NEW),
        Part::Route(address, metric) => {
            let route = kinds::route_to(index, address, metric);
            let message = RouteNetlinkMessage::NewRoute(route);
            (point("add route inside", "add route"), message, NEW)
        }
        Part::Default(gateway, metric) => {
            let route = kinds::route_out(index, gateway, metric);
            let message = RouteNetlinkMessage::NewRoute(route);
            (point("add route inside", "add route"), message, NEW)
        }
    }
}

fn removal(index: u32, part: Part) -> (&'static str, RouteNetlinkMessage) {
    match part {
        Part::Address(address, length) => {
            let message = message::delete_address(index, address, length);
            ("remove address", message)
        }
        Part::Lone(address) => {
            let length = message::full_length(address);
            let message = message::delete_address(index, address, length);
            ("remove address", message)
        }
        Part::Neighbour(address, _) => ("remove neighbour", kinds::drop_neighbour(index, address)),
        Part::Station(mac) => ("remove station", kinds::drop_station(index, mac)),
        Part::DefaultBy(gateway, table) => {
            let route = kinds::route_out_by(index, gateway, table);
            ("remove route", RouteNetlinkMessage::DelRoute(route))
        }
        Part::From(address, table) => {
            let rule = kinds::rule_from(address, table);
            ("remove rule", RouteNetlinkMessage::DelRule(rule))
        }
        Part::Claim(address) => ("remove route", kinds::drop_host_route(index, address)),
        Part::Route(address, metric) => {
            let route = kinds::route_to(index, address, metric);
            ("remove route", RouteNetlinkMessage::DelRoute(route))
        }
        Part::Default(gateway, metric) => {
            let route = kinds::route_out(index, gateway, metric);
            ("remove route", RouteNetlinkMessage::DelRoute(route))
        }
    }
}
