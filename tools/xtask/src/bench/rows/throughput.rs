//! How much goes over a VE's link a second, by iperf3, beside LXC's veth on a bridge
//! and a bare veth pair into a network namespace.
//!
//! Each has a host of its own, which is a network namespace, with what it needs there
//! and nothing else: veld's rules, a bridge, or nothing. The server is the host's in
//! all, with the same program, and takes turns with the others' in rounds, so that what
//! else this machine does hits all alike.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::super::netns::Netns;
use super::super::peers::Lxc;
use super::super::table::Row;
use super::super::{Bench, tiny, write};
use super::{Ve, rates};
use crate::run;
use crate::veld::Veld;

/// Rounds of each row, and how many are thrown away before them.
pub(in super::super) const ROUNDS: usize = 15;
const WARM_UP: usize = 1;
/// How long one is, for iperf3.
const SECONDS: &str = "1";

/// How long a server may take to listen.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often one flow is tried.
const ATTEMPTS: usize = 4;

const TEMPLATE: &str = "iperf";
const IPERF: &str = "/usr/bin/iperf3";
/// Of veld's host; and of the others', on the link itself: a server answers datagrams
/// from the address that is nearest.
const HOST: &str = "198.18.0.1";
const GATEWAY: &str = "10.120.0.1";
/// The host end of LXC's pair.
const PAIR: &str = "lxcpair";

/// What is said of each, and what iperf3 is told.
const FLOWS: &[(&str, &[&str])] = &[
    ("TCP from a VE", &[]),
    ("TCP from a VE, 4 streams", &["-P", "4"]),
    ("TCP to a VE", &["-R"]),
    ("UDP from a VE", &["-u", "-b", "0"]),
    ("UDP to a VE", &["-u", "-b", "0", "-R"]),
];

/// Of what LXC and a bare pair move.
const AIMS: [f64; 2] = [1.0, 0.95];

pub(super) fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let root = tiny::with_program(bench, TEMPLATE, IPERF)?;
    let ve = bench.veld.as_ref().map(|veld| veld_side(veld, &root));
    let lxc = lxc_side(bench, &root)?;
    let bare = bare_side()?;
    let sides: Vec<Side<'_>> = ve.transpose()?.into_iter().chain([lxc, bare]).collect();
    let names: Vec<&str> = sides.iter().map(|side| side.name).collect();
    let mut rows = Vec::new();
    for (what, words) in FLOWS {
        let words = [&["-t", SECONDS], *words].concat();
        let take = |index: usize| {
            let side = sides.get(index).context("there is no such side")?;
            side.flow_at_last(&words)
        };
        let medians = rates::in_turns(&names, WARM_UP, ROUNDS, take).context(*what)?;
        let with_veld = bench.veld.is_some();
        rows.extend(rates::rows_of(what, with_veld, &names, &medians, &AIMS));
    }
    Ok(rows)
}

/// Makes the command line of iperf3 in the place of a client.
type Client<'a> = dyn Fn() -> Command + Send + Sync + 'a;

/// One of those compared: a server on its host, and a client that reaches it.
struct Side<'a> {
    name: &'static str,
    address: &'static str,
    host: Netns,
    server: Child,
    client: Box<Client<'a>>,
}

impl<'a> Side<'a> {
    fn new(
        name: &'static str,
        address: &'static str,
        host: Netns,
        client: impl Fn() -> Command + Send + Sync + 'a,
    ) -> Result<Self> {
        let server = host.run(|| {
            let mut server = Command::new(IPERF);
            server.arg("-s").stdout(Stdio::null()).stderr(Stdio::null());
            server
                .spawn()
                .with_context(|| format!("cannot run {IPERF}"))
        })?;
        let side = Self {
            name,
            address,
            host,
            server,
            client: Box::new(client),
        };
        let begun = Instant::now();
        while let Err(error) = side.flow(&["-n", "1K"]) {
            if begun.elapsed() > PATIENCE {
                return Err(error).context(name);
            }
            sleep(Duration::from_millis(50));
        }
        Ok(side)
    }

    /// The same, tried again: on a busy machine the first datagram, by which iperf3
    /// knows its other side, may be lost.
    fn flow_at_last(&self, words: &[&str]) -> Result<f64> {
        for _ in 1..ATTEMPTS {
            if let Ok(rate) = self.flow(words) {
                return Ok(rate);
            }
            sleep(Duration::from_millis(500));
        }
        self.flow(words)
    }

    /// Bytes per second that arrived.
    fn flow(&self, words: &[&str]) -> Result<f64> {
        let said = self.host.run(|| {
            let mut client = (self.client)();
            client.args(["-c", self.address, "-f", "K"]).args(words);
            run::output(&mut client)
        })?;
        arrived(&said).with_context(|| format!("cannot read what iperf3 said: {said}"))
    }
}

impl Drop for Side<'_> {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
        // LXC reaches a container by a socket of the namespace that it was started in.
        let client = std::mem::replace(&mut self.client, Box::new(|| Command::new(IPERF)));
        let _ = self.host.run(|| {
            drop(client);
            Ok(())
        });
    }
}

/// The rate in the last line of a receiver: that of all streams where there are several.
fn arrived(said: &str) -> Option<f64> {
    let line = said.lines().rfind(|line| line.ends_with("receiver"))?;
    let before = line.split(" KBytes/sec").next()?;
    let kibibytes: f64 = before.split_whitespace().next_back()?.parse().ok()?;
    Some(kibibytes * 1024.0)
}

/// A host with an address to speak from.
fn host() -> Result<Netns> {
    let host = Netns::new()?;
    host.run(|| ip(&["link set lo up", &format!("addr add {HOST}/32 dev lo")]))?;
    Ok(host)
}

fn ip(lines: &[&str]) -> Result<()> {
    for line in lines {
        run::output(Command::new("ip").args(line.split(' ')))?;
    }
    Ok(())
}

fn veld_side<'a>(veld: &'a Veld, root: &Path) -> Result<Side<'a>> {
    veld.import(TEMPLATE, root)?;
    let host = host()?;
    let ve = host.run(|| {
        let ve = Ve::create(veld, "iperf", TEMPLATE)?;
        ve.start()?;
        Ok(ve)
    })?;
    Side::new("veld", HOST, host, move || ve.exec_command(&[IPERF]))
}

/// LXC looks for a bridge in a /sys that shows another namespace's, so the host end is
/// put on it here.
fn lxc_side<'a>(bench: &Bench, root: &Path) -> Result<Side<'a>> {
    let host = host()?;
    let lxc = Lxc::define(bench, "iperf", root, tiny::SLEEPER)?;
    let config = lxc.directory().join("config");
    let text = std::fs::read_to_string(&config)?;
    let text = text.replace("10.120.0.2/32", "10.120.0.2/24");
    let more = format!("lxc.net.0.veth.pair = {PAIR}\nlxc.net.0.ipv4.gateway = 10.120.0.1\n");
    write(&config, &(text + &more))?;
    host.run(|| {
        ip(&[
            "link add br0 type bridge",
            "addr add 10.120.0.1/24 dev br0",
            "link set br0 up",
        ])?;
        lxc.start()?;
        ip(&[
            &format!("link set {PAIR} master br0"),
            &format!("link set {PAIR} up"),
        ])
    })?;
    Side::new("lxc, veth on a bridge", GATEWAY, host, move || {
        lxc.attach_command(&[IPERF])
    })
}

/// The other end is the client's, and in a namespace of its own.
fn bare_side<'a>() -> Result<Side<'a>> {
    let (host, guest) = (host()?, Netns::new()?);
    let pair = format!(
        "link add near type veth peer name far netns {}",
        guest.path()
    );
    host.run(|| ip(&[&pair, "addr add 10.120.0.1/24 dev near", "link set near up"]))?;
    guest.run(|| {
        ip(&[
            "addr add 10.120.0.2/24 dev far",
            "link set far up",
            "route add default via 10.120.0.1",
        ])
    })?;
    Side::new("a bare veth pair", GATEWAY, host, move || {
        let mut enter = Command::new("nsenter");
        enter.arg(format!("--net={}", guest.path())).arg(IPERF);
        enter
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_the_last_receivers() {
        let one = "[  5]   0.00-1.00   sec  3072000 KBytes  3072000 KBytes/sec    0             sender\n\
                   [  5]   0.00-1.00   sec  3071000 KBytes  2000 KBytes/sec                  receiver\n\
                   \n\
                   iperf Done.";
        assert_eq!(arrived(one), Some(2_048_000.0));
        let many = "[  5]   0.00-1.00   sec  1 KBytes  10 KBytes/sec                  receiver\n\
                    [SUM]   0.00-1.00   sec  2 KBytes  20 KBytes/sec                  receiver\n";
        assert_eq!(arrived(many), Some(20_480.0));
        let udp =
            "[  5]   0.00-1.00   sec  100 KBytes  100 KBytes/sec  0.002 ms  3/7 (43%)  receiver";
        assert_eq!(arrived(udp), Some(102_400.0));
        assert_eq!(arrived("iperf3: error - unable to connect"), None);
    }
}
