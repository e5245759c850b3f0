//! A small world of network namespaces: a host with an uplink to a LAN, and
//! guests. Nothing of it is visible outside, and all of it goes with the test.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "a module of each test file, which uses a part of what is here"
)]
#![allow(
    clippy::unwrap_used,
    reason = "a world that cannot be made is a failed test"
)]
#![allow(clippy::print_stdout, reason = "a skipped test says why")]

use std::fs::File;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::process::Command;
use std::thread;
use std::time::Duration;

use nix::sched::{CloneFlags, setns, unshare};
use veld_network::{HostNetwork, Interface, Kind, ensure_host, mac_for};

/// How long silence must last to count as such. Everything here is answered
/// within a millisecond.
pub const SILENCE: Duration = Duration::from_millis(150);

pub const LAN4: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 18, 0, 2));
pub const LAN6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfd98, 0, 0, 0, 0, 0, 0, 2));
pub const HOST4: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 18, 0, 1));
pub const HOST6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfd98, 0, 0, 0, 0, 0, 0, 1));
/// What the uplink can carry, so that nobody mistakes it for a default.
pub const UPLINK_MTU: u32 = 1400;

/// A network namespace that lives as long as this and what is open in it.
pub struct Netns(OwnedFd);

impl Netns {
    /// A new one, its `lo` still down.
    pub fn new() -> Self {
        let made = thread::spawn(|| {
            unshare(CloneFlags::CLONE_NEWNET).unwrap();
            File::open("/proc/thread-self/ns/net").unwrap()
        });
        Self(made.join().unwrap().into())
    }

    /// Does something in there. Sockets opened there stay there.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        thread::scope(|scope| {
            let done = scope.spawn(|| {
                setns(&self.0, CloneFlags::CLONE_NEWNET).unwrap();
                work()
            });
            done.join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// Runs `ip` in there and gives what it prints.
    pub fn ip(&self, arguments: &str) -> String {
        self.run(|| tool("ip", arguments))
    }

    /// Runs `nft` in there and gives what it prints.
    pub fn nft(&self, arguments: &str) -> String {
        self.run(|| tool("nft", arguments))
    }

    pub fn sysctl(&self, name: &str) -> String {
        self.run(|| veld_kernfs::read(format!("/proc/sys/net/{name}").as_ref()).unwrap())
    }

    pub fn set_sysctl(&self, name: &str, value: u32) {
        self.run(|| veld_kernfs::write(format!("/proc/sys/net/{name}").as_ref(), value).unwrap());
    }

    /// A UDP socket in there that does not wait for ever.
    pub fn udp(&self, address: IpAddr, port: u16) -> UdpSocket {
        self.udp_at(SocketAddr::new(address, port))
    }

    pub fn udp_at(&self, address: SocketAddr) -> UdpSocket {
        let socket = self.run(|| UdpSocket::bind(address)).unwrap();
        socket.set_read_timeout(Some(SILENCE)).unwrap();
        socket
    }
}

impl AsFd for Netns {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Runs a program that must succeed.
#[expect(
    clippy::disallowed_methods,
    reason = "tests look at the kernel with other people's tools"
)]
pub fn tool(program: &str, arguments: &str) -> String {
    let output = Command::new(program)
        .args(arguments.split_whitespace())
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// A host with rules, an uplink, and a LAN behind it.
pub struct World {
    pub host: Netns,
    pub lan: Netns,
    pub network: HostNetwork,
}

impl World {
    /// Makes one, or says why this machine cannot.
    pub fn new() -> Option<Self> {
        if !nix::unistd::geteuid().is_root() {
            println!("skipped: network namespaces need root");
            return None;
        }
        for program in ["nft", "ip"] {
            let found = std::env::split_paths("/usr/sbin:/usr/bin:/sbin:/bin")
                .any(|folder| folder.join(program).exists());
            if !found {
                println!("skipped: there is no {program}");
                return None;
            }
        }
        let (host, lan) = (Netns::new(), Netns::new());
        // Or the uplink's link-local addresses are not usable for a second. Nor is
        // a pair whose ends have one number: the kernel takes such a link for a
        // simple one, and looks at those's carriers once a second.
        for netns in [&host, &lan] {
            netns.set_sysctl("ipv6/conf/default/accept_dad", 0);
        }
        let peer = format!("/proc/{}/fd/{}", std::process::id(), lan.0.as_raw_fd());
        for line in [
            "link set lo up".to_owned(),
            format!(
                "link add up0 index 7 mtu {UPLINK_MTU} type veth \
                 peer name eth0 mtu {UPLINK_MTU} netns {peer}"
            ),
            format!("addr add {HOST4}/24 dev up0"),
            format!("addr add {HOST6}/64 dev up0 nodad"),
            "link set up0 up".to_owned(),
            format!("route add default via {LAN4}"),
            format!("-6 route add default via {LAN6}"),
        ] {
            host.ip(&line);
        }
        lan.ip("link set lo up");
        lan.ip(&format!("addr add {LAN4}/24 dev eth0"));
        lan.ip(&format!("addr add {LAN6}/64 dev eth0 nodad"));
        lan.ip("link set eth0 up");
        let network = network("10.77.0.0/16", "fd77::/64");
        host.run(|| ensure_host(&network)).unwrap();
        Some(Self { host, lan, network })
    }

    /// A new guest with link `veldID`.
    pub fn guest(&self, id: u8) -> Netns {
        let guest = Netns::new();
        self.attach(&guest, &link(id)).unwrap();
        guest
    }

    pub fn attach(&self, guest: &Netns, link: &Interface) -> Result<(), veld_network::Error> {
        self.host.run(|| veld_network::attach(guest.as_fd(), link))
    }

    pub fn detach(&self, name: &str) -> Result<(), veld_network::Error> {
        self.host.run(|| veld_network::detach(name))
    }

    pub fn exists(&self, name: &str) -> bool {
        self.host.run(|| veld_network::exists(name)).unwrap()
    }
}

pub fn network(pool4: &str, pool6: &str) -> HostNetwork {
    HostNetwork {
        link_prefix: "veld".into(),
        masquerade: vec![pool4.parse().unwrap(), pool6.parse().unwrap()],
        inner: vec![pool4.parse().unwrap(), pool6.parse().unwrap()],
    }
}

pub fn link(id: u8) -> Interface {
    Interface {
        host_name: format!("veld{id}"),
        guest_name: "eth0".into(),
        kind: Kind::Routed,
        addresses: vec![guest4(id).into(), guest6(id).into()],
        gateways: Vec::new(),
        mac: mac_for(id.into(), 0),
        mtu: None,
        metric: 0,
    }
}

pub fn guest4(id: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(10, 77, 0, id))
}

pub fn guest6(id: u8) -> IpAddr {
    IpAddr::V6(Ipv6Addr::new(0xfd77, 0, 0, 0, 0, 0, 0, id.into()))
}

/// Any address of the same family as another.
pub fn any(like: IpAddr) -> IpAddr {
    match like {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    }
}

/// What a datagram from `from` (bound to `source`) to `address` in `to` looks
/// like there: its source address if it arrives at all.
pub fn send(from: &Netns, source: IpAddr, to: &Netns, address: IpAddr) -> Option<IpAddr> {
    let listener = to.udp(any(address), 0);
    let sender = from.udp(source, 0);
    let port = listener.local_addr().unwrap().port();
    // An error here is the kernel refusing to send, which is silence as well.
    sender.send_to(b"hello", (address, port)).ok()?;
    let mut buffer = [0; 16];
    let (_, seen) = listener.recv_from(&mut buffer).ok()?;
    Some(seen.ip())
}

/// Whether a datagram gets there and its answer comes back.
pub fn talks(from: &Netns, to: &Netns, address: IpAddr) -> bool {
    let listener = to.udp(any(address), 0);
    let sender = from.udp(any(address), 0);
    let port = listener.local_addr().unwrap().port();
    let mut buffer = [0; 16];
    sender.send_to(b"hello", (address, port)).is_ok()
        && listener
            .recv_from(&mut buffer)
            .and_then(|(_, seen)| listener.send_to(b"hello yourself", seen))
            .is_ok()
        && sender.recv_from(&mut buffer).is_ok()
}
