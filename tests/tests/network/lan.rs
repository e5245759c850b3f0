//! A machine on the LAN of a test's host.

use std::fs::File;
use std::net::TcpListener;
use std::os::fd::AsRawFd;

use nix::sched::{CloneFlags, setns, unshare};
use veld_tests::{Cmd, Output, Ve};

use crate::ip;

/// The host's addresses on the LAN.
pub(crate) const UPLINK: [&str; 2] = ["198.18.0.1", "fd98::1"];
/// The machine's.
pub(crate) const MACHINE: [&str; 2] = ["198.18.0.2", "fd98::2"];

/// Another machine, by a cable.
#[derive(Debug)]
pub(crate) struct Lan(File);

impl Lan {
    /// Connects the test's host to one, which knows no way to any VE.
    pub(crate) fn new() -> Self {
        let made = std::thread::spawn(|| {
            unshare(CloneFlags::CLONE_NEWNET).unwrap();
            File::open("/proc/thread-self/ns/net").unwrap()
        });
        let lan = Self(made.join().unwrap());
        let netns = lan.path();
        let pair = ["link", "add", "up0", "index", "7", "type", "veth", "peer"];
        ip(&[&pair[..], &["name", "eth0", "netns", &netns]].concat());
        for address in UPLINK {
            ip(&["address", "add", &long(address), "dev", "up0", "nodad"]);
        }
        ip(&["link", "set", "up0", "up"]);
        lan.run("ip", &["link", "set", "lo", "up"]).ok();
        for address in MACHINE {
            let address = long(address);
            lan.run("ip", &["address", "add", &address, "dev", "eth0", "nodad"])
                .ok();
        }
        lan.run("ip", &["link", "set", "eth0", "up"]).ok();
        ip(&["route", "add", "default", "via", MACHINE[0]]);
        ip(&["-6", "route", "add", "default", "via", MACHINE[1]]);
        veld_tests::until("the uplink is up", || {
            let links = ip(&["-o", "link", "show", "up0"]);
            links.contains("state UP")
        });
        lan
    }

    /// Runs a program there.
    pub(crate) fn run(&self, program: &str, words: &[&str]) -> Output {
        let netns = format!("--net={}", self.path());
        let head = [netns.as_str(), program];
        Cmd::program("nsenter", [&head[..], words].concat()).run()
    }

    /// A socket there that takes connections to a port, by both protocols.
    pub(crate) fn listen(&self, port: u16) -> TcpListener {
        self.there(|| TcpListener::bind(("::", port)).unwrap())
    }

    /// Does something there. What it opens stays there.
    pub(crate) fn there<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        in_netns(&self.0, work)
    }

    fn path(&self) -> String {
        format!("/proc/{}/fd/{}", std::process::id(), self.0.as_raw_fd())
    }
}

/// Does something in the network namespace of a VE that runs.
pub(crate) fn inside<T: Send>(ve: &Ve<'_>, work: impl FnOnce() -> T + Send) -> T {
    let netns = File::open(format!("/proc/{}/ns/net", ve.init_pid())).unwrap();
    in_netns(&netns, work)
}

fn in_netns<T: Send>(netns: &File, work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let done = scope.spawn(|| {
            setns(netns, CloneFlags::CLONE_NEWNET).unwrap();
            work()
        });
        done.join().unwrap()
    })
}

fn long(address: &str) -> String {
    let length = if address.contains(':') { 64 } else { 24 };
    format!("{address}/{length}")
}
