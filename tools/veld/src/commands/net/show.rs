//! `veld net show`: all of how one VE is connected.

use std::fmt::Write;

use veld_config::{Over, Verdict};
use veld_supervisor::{Connection, Counters, Host, connection};

use super::view::{self, line, words};
use crate::cli::NetShow;
use crate::report::Failed;
use crate::{amount, json, output};

pub(super) fn run(host: &Host, show: &NetShow) -> Result<(), Failed> {
    let connection = connection(&host.find(&show.ve)?)?;
    if show.json {
        return json::print(&view::Ve::new(&connection));
    }
    output::print(&text(&connection))
}

fn text(connection: &Connection) -> String {
    let mut text = String::new();
    for (key, value) in rows(connection) {
        let _ = writeln!(text, "{key:<12} {value}");
    }
    text
}

type Row = (&'static str, String);

fn rows(connection: &Connection) -> Vec<Row> {
    let plan = &connection.plan;
    let runs = if connection.is_running {
        "in force"
    } else {
        "from the next start"
    };
    let mut rows = vec![
        ("name", connection.name.to_string()),
        ("id", plan.id.to_string()),
        ("this is", runs.to_owned()),
    ];
    if plan.interfaces.is_empty() {
        rows.push(("interfaces", "none".to_owned()));
    }
    for interface in &plan.interfaces {
        rows.extend(interface_rows(connection, interface.slot));
    }
    let network = &plan.network;
    rows.extend(some("dns", &network.dns));
    rows.extend(some("published", &network.publish));
    let policy = &network.policy;
    rows.extend(some("deny", &policy.deny));
    rows.extend(some("allow", &policy.allow));
    let defaults = [
        ("default-in", policy.default_in),
        ("default-out", policy.default_out),
    ];
    let set = defaults.into_iter().filter(|(_, it)| *it != Verdict::Allow);
    rows.extend(set.map(|(key, verdict)| (key, verdict.to_string())));
    rows.extend(network.group.iter().map(|it| ("group", it.to_string())));
    if let Some(limit) = network.traffic.limit {
        let over = match network.traffic.over {
            Over::Slow => format!("{:#} a second", network.traffic.slow_rate()),
            Over::Cut => "cut off".to_owned(),
        };
        rows.push(("traffic", format!("{limit:#} a month, then {over}")));
    }
    rows
}

fn interface_rows(connection: &Connection, slot: veld_config::Slot) -> Vec<Row> {
    let plan = &connection.plan;
    let Some(interface) = plan.interfaces.iter().find(|it| it.slot == slot) else {
        return Vec::new();
    };
    let set = &interface.set;
    let mut first = format!("{} {}", set.name_inside(slot), set.mode);
    if let Some(end) = interface.end_on_host() {
        let _ = write!(first, ", {end} on the host");
    }
    if let Some(link) = plan.link_of(interface) {
        let _ = write!(first, ", connected to {link}");
    }
    let mut rows = vec![("interface", first), ("  addresses", line(&set.ip))];
    rows.extend(some("  gateways", &set.gateway));
    rows.extend(interface.mac().map(|mac| ("  mac", mac)));
    rows.extend(set.mtu.map(|mtu| ("  mtu", mtu.to_string())));
    rows.extend(set.vlan.map(|vlan| ("  vlan", vlan.to_string())));
    let rate = |rate: veld_units::Bytes| format!("{rate:#} a second");
    rows.extend(set.rate_in.map(|it| ("  rate in", rate(it))));
    rows.extend(set.rate_out.map(|it| ("  rate out", rate(it))));
    if let Some(counters) = connection.counters.get(&slot) {
        rows.extend(counted(counters));
    }
    rows
}

fn counted(counters: &Counters) -> [Row; 2] {
    let one = |bytes, packets| {
        let plural = if packets == 1 { "" } else { "s" };
        format!("{} in {packets} packet{plural}", amount::size(bytes))
    };
    [
        (
            "  received",
            one(counters.received_bytes, counters.received_packets),
        ),
        ("  sent", one(counters.sent_bytes, counters.sent_packets)),
    ]
}

/// A row of values, where there are any.
fn some<T: ToString>(key: &'static str, values: &[T]) -> Option<Row> {
    (!values.is_empty()).then(|| (key, words(values).join(", ")))
}
