//! Whom a VE asks for names.

use std::fs::File;
use std::io::Read;
use std::net::IpAddr;
use std::path::Path;

use veld_config::{Dns, HostConfig, VeConfig};
use veld_launch::Resolver;

/// The host's own resolv.conf, and where systemd keeps the servers behind its stub.
const FILES: [&str; 2] = ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"];

/// The file is short on any host.
const MOST: u64 = 64 * 1024;

/// The resolver of a VE: its own setting, or the host's, where "host" stands
/// for the host's resolv.conf.
pub(crate) fn resolver(config: &VeConfig, host: &HostConfig) -> Resolver {
    let wanted = if config.network.dns.is_empty() {
        &host.network.dns
    } else {
        &config.network.dns
    };
    let mut resolver = Resolver::default();
    for server in wanted {
        match server {
            Dns::Server(address) => resolver.servers.push(*address),
            // It listens where every VE finds its host.
            Dns::Veld => resolver.servers.push(veld_network::GATEWAY4.into()),
            Dns::Host => {
                let of_host = of_host();
                resolver.servers.extend(of_host.servers);
                resolver.search.extend(of_host.search);
            }
        }
    }
    resolver
}

/// A server on the host's loopback is of no use to a VE: the first file with
/// another is taken.
fn of_host() -> Resolver {
    let all = FILES
        .iter()
        .filter_map(|file| Some(parse(&read(Path::new(file))?)));
    let mut last = Resolver::default();
    for found in all {
        if !found.servers.is_empty() {
            return found;
        }
        last = found;
    }
    last
}

fn read(path: &Path) -> Option<String> {
    let mut bytes = Vec::new();
    File::open(path)
        .ok()?
        .take(MOST)
        .read_to_end(&mut bytes)
        .ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// The part of resolv.conf(5) that a VE needs.
fn parse(text: &str) -> Resolver {
    let mut resolver = Resolver::default();
    for line in text.lines() {
        let mut words = line.split_ascii_whitespace();
        match words.next() {
            Some("nameserver") => {
                let address = words.next().and_then(|word| word.parse::<IpAddr>().ok());
                resolver
                    .servers
                    .extend(address.filter(|address| !address.is_loopback()));
            }
            Some("search" | "domain") => resolver.search = words.map(str::to_owned).collect(),
            _ => {}
        }
    }
    resolver
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_servers_and_nonsense_are_left_out() {
        let text = "# x\nnameserver 127.0.0.53\nnameserver 10.0.0.1\nnameserver fd00::1\n\
                    nameserver\nnameserver x\nsearch a.example b.example\noptions edns0\n";
        let resolver = parse(text);
        let servers: Vec<String> = resolver.servers.iter().map(ToString::to_string).collect();
        assert_eq!(servers, ["10.0.0.1", "fd00::1"]);
        assert_eq!(resolver.search, ["a.example", "b.example"]);
    }
}
