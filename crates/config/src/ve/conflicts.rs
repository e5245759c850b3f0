//! What is right by itself and does not go together.

use std::path::Path;

use ipnetwork::IpNetwork;

use super::{Resources, Storage, VeConfig};
use crate::{Interface, Mode, Network, Problem, Slot};

/// A key, dotted and as a command line has it, and what is wrong.
struct Conflict {
    key: String,
    word: String,
    what: String,
}

/// What does not go together in a config.
pub(super) fn conflicts(config: &VeConfig, file: Option<&Path>) -> Vec<Problem> {
    of_resources(&config.resources)
        .into_iter()
        .chain(of_network(&config.network))
        .chain(of_storage(&config.storage))
        .map(|conflict| Problem {
            file: file.map(Path::to_owned),
            line: None,
            key: Some(match file {
                Some(_) => conflict.key,
                None => conflict.word,
            }),
            what: conflict.what,
        })
        .collect()
}

fn of_resources(resources: &Resources) -> Vec<Conflict> {
    let pairs = [
        (
            "ram-guarantee",
            resources.ram_guarantee,
            "ram",
            resources.ram,
        ),
        ("ram-low", resources.ram_low, "ram", resources.ram),
        ("ram-high", resources.ram_high, "ram", resources.ram),
        ("swap-high", resources.swap_high, "swap", resources.swap),
    ];
    let above = pairs.into_iter().filter_map(|(low, part, high, whole)| {
        let (part, whole) = part.zip(whole)?;
        (part > whole).then(|| (low, format!("{part} is more than the {high} of {whole}")))
    });
    let cpus = resources.cpus.zip(resources.cpumask.as_ref());
    let cpus = cpus.and_then(|(count, list)| {
        let listed = list.numbers().count();
        let fits = usize::try_from(count.get()).is_ok_and(|count| count <= listed);
        (!fits).then(|| {
            (
                "cpus",
                format!("{count} is more than the cpumask {list} has"),
            )
        })
    });
    above
        .chain(cpus)
        .map(|(word, what)| Conflict {
            key: format!("resources.{word}"),
            word: word.to_owned(),
            what,
        })
        .collect()
}

fn of_storage(storage: &Storage) -> Vec<Conflict> {
    let mounts = storage.mounts.iter().enumerate();
    let twice = mounts.filter(|(number, mount)| {
        let mut earlier = storage.mounts.iter().take(*number);
        earlier.any(|other| other.target == mount.target)
    });
    let mounts = twice.map(|(_, mount)| Conflict {
        key: "storage.mounts".to_owned(),
        word: "mount".to_owned(),
        what: format!("two mounts on {}", mount.target.display()),
    });
    let schedules = storage.snapshots.iter().enumerate();
    let twice = schedules.filter(|(number, schedule)| {
        let mut earlier = storage.snapshots.iter().take(*number);
        earlier.any(|other| other.period == schedule.period)
    });
    let schedules = twice.map(|(_, schedule)| Conflict {
        key: "storage.snapshots".to_owned(),
        word: "snapshots".to_owned(),
        what: format!("two schedules that are {}", schedule.period),
    });
    mounts.chain(schedules).collect()
}

fn of_network(network: &Network) -> Vec<Conflict> {
    let mut found = Vec::new();
    for (slot, interface) in network.interfaces() {
        let of_it = of_interface(interface);
        found.extend(of_it.into_iter().map(|(key, what)| at(slot, key, what)));
    }
    found.extend(twice(network));
    let routed = network
        .interfaces()
        .any(|(_, interface)| interface.mode == Mode::Routed);
    if !network.publish.is_empty() && !routed {
        let what = "ports lead to a routed interface, of which there is none";
        found.push(of_all("publish", what.to_owned()));
    }
    for (number, port) in network.publish.iter().enumerate() {
        let earlier = network.publish.iter().take(number);
        for other in earlier.filter(|other| other.meets(port)) {
            let what = format!("{port} is the same port of the host as {other}");
            found.push(of_all("publish", what));
        }
    }
    found
}

/// A conflict at a key of one interface.
fn at(slot: Slot, key: &str, what: String) -> Conflict {
    if slot == Slot::FIRST {
        return of_all(key, what);
    }
    let word = format!("net.{slot}.{key}");
    let key = word.clone();
    Conflict { key, word, what }
}

/// A conflict at a key of `[network]`.
fn of_all(key: &str, what: String) -> Conflict {
    let word = match key {
        "mode" => "network",
        "name" => "ifname",
        other => other,
    };
    Conflict {
        key: format!("network.{key}"),
        word: word.to_owned(),
        what,
    }
}

fn of_interface(interface: &Interface) -> Vec<(&'static str, String)> {
    let mut found: Vec<(&'static str, String)> = of_mode(interface)
        .into_iter()
        .filter(|(_, is_wrong, _)| *is_wrong)
        .map(|(key, _, what)| (key, what.to_owned()))
        .collect();
    let needs_link = matches!(
        interface.mode,
        Mode::Macvlan | Mode::Ipvlan | Mode::Physical
    );
    if needs_link && interface.link.is_none() {
        let what = format!("{} needs an interface of the host's", interface.mode);
        found.push(("link", what));
    }
    let routed = interface.mode == Mode::Routed;
    let single = |address: &IpNetwork| address.prefix() == if address.is_ipv4() { 32 } else { 128 };
    for address in interface.addresses().filter(|it| routed && !single(it)) {
        let what = format!("{address}: a routed interface has single addresses");
        found.push(("ip", what));
    }
    found
}

/// Keys that an interface of its mode has not, whether it has, and what is said then.
fn of_mode(interface: &Interface) -> [(&'static str, bool, &'static str); 8] {
    let mode = interface.mode;
    let routed = mode == Mode::Routed;
    let has_host_end = matches!(mode, Mode::Routed | Mode::Bridge);
    let no_rate = "only routed interfaces and those on bridges have a rate";
    let v6 = interface.addresses().any(|address| address.is_ipv6());
    let gateways = |v4: bool| {
        let all = interface.gateway.iter();
        all.filter(|gateway| gateway.is_ipv4() == v4).count()
    };
    [
        (
            "link",
            routed && interface.link.is_some(),
            "a routed interface is connected to its host alone",
        ),
        (
            "gateway",
            routed && !interface.gateway.is_empty(),
            "the router of a routed interface is its host",
        ),
        (
            "gateway",
            gateways(true) > 1 || gateways(false) > 1,
            "only one of a family",
        ),
        (
            "vlan",
            mode != Mode::Bridge && interface.vlan.is_some(),
            "only an interface on a bridge is in a VLAN",
        ),
        (
            "mac",
            mode == Mode::Ipvlan && interface.mac.is_some(),
            "an ipvlan interface has that of its parent",
        ),
        (
            "mtu",
            v6 && interface.mtu.is_some_and(|mtu| mtu < 1280),
            "IPv6 needs 1280",
        ),
        (
            "rate-in",
            !has_host_end && interface.rate_in.is_some(),
            no_rate,
        ),
        (
            "rate-out",
            !has_host_end && interface.rate_out.is_some(),
            no_rate,
        ),
    ]
}

/// Addresses and names that two interfaces have, or one has twice.
fn twice(network: &Network) -> Vec<Conflict> {
    let mut found = Vec::new();
    let mut addresses = Vec::new();
    let mut names: Vec<String> = Vec::new();
    for (slot, interface) in network.interfaces() {
        for address in interface.addresses().map(|network| network.ip()) {
            if addresses.contains(&address) {
                found.push(at(slot, "ip", format!("{address} is there twice")));
            }
            addresses.push(address);
        }
        let name = interface.name_inside(slot);
        if names.contains(&name) {
            let what = format!("another interface is called {name}");
            found.push(at(slot, "name", what));
        }
        names.push(name);
    }
    found
}
