//! How a VE is connected, in JSON and in rows for people.

use serde::Serialize;
use veld_supervisor::{Connection, Counters, InterfacePlan, NetPlan};

/// A VE in JSON.
#[derive(Debug, Serialize)]
pub(super) struct Ve {
    name: String,
    id: u32,
    running: bool,
    interfaces: Vec<Link>,
    published: Vec<String>,
    allow: Vec<String>,
    deny: Vec<String>,
    default_in: String,
    default_out: String,
    group: Option<String>,
    dns: Vec<String>,
    traffic_bytes_per_month: Option<u64>,
    /// What becomes of the VE above that.
    traffic_over: String,
    traffic_rate_bytes_per_second: u64,
}

/// An interface in JSON.
#[derive(Debug, Serialize)]
struct Link {
    interface: String,
    name: String,
    mode: String,
    /// Its end on the host, where it has one.
    host_link: Option<String>,
    /// What of the host's it is connected to.
    connected_to: Option<String>,
    addresses: Vec<String>,
    gateways: Vec<String>,
    mac: Option<String>,
    mtu_bytes: Option<u32>,
    vlan: Option<u16>,
    rate_in_bytes_per_second: Option<u64>,
    rate_out_bytes_per_second: Option<u64>,
    received_bytes: Option<u64>,
    received_packets: Option<u64>,
    sent_bytes: Option<u64>,
    sent_packets: Option<u64>,
}

impl Ve {
    pub(super) fn new(connection: &Connection) -> Self {
        let network = &connection.plan.network;
        let interfaces = connection.plan.interfaces.iter().map(|interface| {
            let counters = connection.counters.get(&interface.slot);
            Link::new(&connection.plan, interface, counters)
        });
        Self {
            name: connection.name.to_string(),
            id: connection.plan.id.get(),
            running: connection.is_running,
            interfaces: interfaces.collect(),
            published: words(&network.publish),
            allow: words(&network.policy.allow),
            deny: words(&network.policy.deny),
            default_in: network.policy.default_in.to_string(),
            default_out: network.policy.default_out.to_string(),
            group: network.group.as_ref().map(ToString::to_string),
            dns: words(&network.dns),
            traffic_bytes_per_month: network.traffic.limit.map(|limit| limit.get()),
            traffic_over: network.traffic.over.to_string(),
            traffic_rate_bytes_per_second: network.traffic.slow_rate().get(),
        }
    }
}

impl Link {
    fn new(plan: &NetPlan, it: &InterfacePlan, counters: Option<&Counters>) -> Self {
        let set = &it.set;
        let counted = |count: fn(&Counters) -> u64| counters.map(count);
        Self {
            interface: it.slot.to_string(),
            name: it.guest_name(),
            mode: set.mode.to_string(),
            host_link: it.end_on_host().map(str::to_owned),
            connected_to: plan.link_of(it),
            addresses: words(&set.ip),
            gateways: words(&set.gateway),
            mac: it.mac(),
            mtu_bytes: set.mtu,
            vlan: set.vlan,
            rate_in_bytes_per_second: set.rate_in.map(|rate| rate.get()),
            rate_out_bytes_per_second: set.rate_out.map(|rate| rate.get()),
            received_bytes: counted(|it| it.received_bytes),
            received_packets: counted(|it| it.received_packets),
            sent_bytes: counted(|it| it.sent_bytes),
            sent_packets: counted(|it| it.sent_packets),
        }
    }
}

pub(super) const HEADER: [&str; 7] = [
    "VE",
    "INTERFACE",
    "MODE",
    "HOST",
    "ON",
    "ADDRESSES",
    "PUBLISHED",
];

/// A row for each interface of a VE, or one that says that it has none.
pub(super) fn rows(connection: &Connection) -> Vec<Vec<String>> {
    let plan = &connection.plan;
    let none = || "-".to_owned();
    if plan.interfaces.is_empty() {
        let name = connection.name.to_string();
        let mode = "none".to_owned();
        return vec![vec![name, none(), mode, none(), none(), none(), none()]];
    }
    let published = line(&plan.network.publish);
    let rows = plan.interfaces.iter().map(|interface| {
        let set = &interface.set;
        // Ports lead to the VE, of which the first interface stands for all.
        let is_first = interface.slot == plan.interfaces[0].slot;
        vec![
            connection.name.to_string(),
            interface.guest_name(),
            set.mode.to_string(),
            interface.end_on_host().map_or_else(none, str::to_owned),
            plan.link_of(interface).unwrap_or_else(none),
            line(&set.ip),
            if is_first { published.clone() } else { none() },
        ]
    });
    rows.collect()
}

pub(super) fn words<T: ToString>(values: &[T]) -> Vec<String> {
    values.iter().map(ToString::to_string).collect()
}

/// Values in a cell.
pub(super) fn line<T: ToString>(values: &[T]) -> String {
    if values.is_empty() {
        "-".to_owned()
    } else {
        words(values).join(" ")
    }
}
