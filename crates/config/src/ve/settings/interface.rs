//! The keys of an interface: of the first one as of those in sections of their own.

use std::str::FromStr;

use toml_edit::{InlineTable, Value as Toml};

use super::{About, Setting, Shape, list, one, several, some_list, text};
use crate::document::{Outcome, Parameter, Value};
use crate::network::{gateway, mtu, rate, vlan};
use crate::ve::VeConfig;
use crate::{Interface, Ip, LinkName, Mac, Mode};

/// One key of any interface.
#[derive(Debug)]
pub(in crate::ve) struct Row {
    pub(in crate::ve) key: &'static str,
    read: fn(&mut Interface, &Value<'_>) -> Outcome,
    write: fn(&Interface) -> Option<Toml>,
    pub(super) about: About,
}

impl Row {
    /// Reads its value.
    pub(in crate::ve) fn read(&self, interface: &mut Interface, value: &Value<'_>) -> Outcome {
        (self.read)(interface, value)
    }

    /// Whether it has several values.
    pub(in crate::ve) fn is_list(&self) -> bool {
        self.about.shape == Shape::List
    }
}

const MODE: Row = Row {
    key: "mode",
    read: |interface, value| value.set(&mut interface.mode, Mode::from_str),
    write: |interface| text(&interface.mode),
    about: one(
        "network",
        "MODE[:LINK]",
        "How it is connected: routed, bridge, macvlan, ipvlan, physical, none",
    ),
};

const LINK: Row = Row {
    key: "link",
    read: |interface, value| value.set_some(&mut interface.link, LinkName::from_str),
    write: |interface| interface.link.as_ref().and_then(text),
    about: one(
        "link",
        "LINK",
        "Bridge, parent or device of the host; without one a bridge of Veld's",
    ),
};

const NAME: Row = Row {
    key: "name",
    read: |interface, value| value.set_some(&mut interface.name, LinkName::from_str),
    write: |interface| interface.name.as_ref().and_then(text),
    about: one(
        "ifname",
        "NAME",
        "Name of the interface inside; eth0 unless given",
    ),
};

const IP: Row = Row {
    key: "ip",
    read: |interface, value| value.set_list(&mut interface.ip, Ip::from_str),
    write: |interface| list(&interface.ip),
    about: several(
        "ip",
        "ADDRESS",
        "IP address or pool, repeatable; one of each pool unless given",
    ),
};

const GATEWAY: Row = Row {
    key: "gateway",
    read: |interface, value| value.set_list(&mut interface.gateway, gateway),
    write: |interface| some_list(&interface.gateway),
    about: several(
        "gateway",
        "ADDRESS",
        "Router of an interface that is not routed, one of a family",
    ),
};

const MAC: Row = Row {
    key: "mac",
    read: |interface, value| value.set_some(&mut interface.mac, Mac::from_str),
    write: |interface| interface.mac.as_ref().and_then(text),
    about: one(
        "mac",
        "MAC",
        "MAC address; one that goes with the VE's id unless given",
    ),
};

const MTU: Row = Row {
    key: "mtu",
    read: |interface, value| value.set_some(&mut interface.mtu, mtu),
    write: |interface| interface.mtu.map(|mtu| i64::from(mtu).into()),
    about: one(
        "mtu",
        "BYTES",
        "Largest packet; that of the link it is connected to unless given",
    ),
};

const VLAN: Row = Row {
    key: "vlan",
    read: |interface, value| value.set_some(&mut interface.vlan, vlan),
    write: |interface| interface.vlan.map(|vlan| i64::from(vlan).into()),
    about: one("vlan", "N", "VLAN of the bridge"),
};

const RATE_IN: Row = Row {
    key: "rate-in",
    read: |interface, value| value.set_some(&mut interface.rate_in, rate),
    write: |interface| interface.rate_in.as_ref().and_then(text),
    about: one("rate-in", "SIZE", "Bytes a second to it"),
};

const RATE_OUT: Row = Row {
    key: "rate-out",
    read: |interface, value| value.set_some(&mut interface.rate_out, rate),
    write: |interface| interface.rate_out.as_ref().and_then(text),
    about: one("rate-out", "SIZE", "Bytes a second from it"),
};

/// The keys of a section `[net.ethN]`, in the order of a new file.
static ROWS: [Row; 10] = [
    MODE, LINK, NAME, IP, GATEWAY, MAC, MTU, VLAN, RATE_IN, RATE_OUT,
];

/// A row as one of `[network]`, which is of the first interface.
macro_rules! of_first {
    ($key:literal, $row:ident) => {
        Setting::free(
            Parameter::optional($key, |raw, value| {
                ($row.read)(&mut raw.network.first, value)
            }),
            |config| ($row.write)(&config.network.first),
            $row.about,
        )
    };
}

/// The keys of the first interface.
pub(super) const FIRST: &[Setting] = &[
    of_first!("network.mode", MODE),
    of_first!("network.link", LINK),
    of_first!("network.name", NAME),
    of_first!("network.ip", IP),
    of_first!("network.gateway", GATEWAY),
    of_first!("network.mac", MAC),
    of_first!("network.mtu", MTU),
    of_first!("network.vlan", VLAN),
    of_first!("network.rate-in", RATE_IN),
    of_first!("network.rate-out", RATE_OUT),
];

const fn parameter(row: &'static Row) -> Parameter<Interface> {
    Parameter::optional(row.key, row.read)
}

static PARAMETERS: [Parameter<Interface>; 10] = {
    let [a, b, c, d, e, f, g, h, i, j] = &ROWS;
    [
        parameter(a),
        parameter(b),
        parameter(c),
        parameter(d),
        parameter(e),
        parameter(f),
        parameter(g),
        parameter(h),
        parameter(i),
        parameter(j),
    ]
};

/// The row of this key.
pub(in crate::ve) fn row(key: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.key == key)
}

/// All rows.
pub(in crate::ve) fn rows() -> &'static [Row] {
    &ROWS
}

/// The sections of all other interfaces.
pub(super) const OTHERS: &[Setting] = &[Setting::free(
    Parameter::optional("net", |raw, value| {
        value.set_tables(&mut raw.network.others, Interface::default, &PARAMETERS)
    }),
    written,
    About {
        word: "net",
        value: "ethN=HOW",
        help: "Another interface: eth1=MODE[:LINK][,KEY=VALUE], eth1 to eth9",
        shape: Shape::Interfaces,
    },
)];

fn written(config: &VeConfig) -> Option<Toml> {
    let others = &config.network.others;
    if others.is_empty() {
        return None;
    }
    let mut tables = InlineTable::new();
    for (slot, interface) in others {
        let mut table = InlineTable::new();
        for row in &ROWS {
            if let Some(value) = (row.write)(interface) {
                table.insert(row.key, value);
            }
        }
        tables.insert(slot.to_string(), table.into());
    }
    Some(tables.into())
}
