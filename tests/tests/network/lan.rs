//! A network that the test's host is in, with one neighbour.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::thread;

use nix::sched::{CloneFlags, unshare};
use veld_tests::{Cmd, until};

use crate::ip;

/// The neighbour's network namespace. The link to it goes with this.
#[derive(Debug)]
pub(crate) struct Lan {
    netns: File,
}

impl Lan {
    /// The host's addresses on link `up0`, and the neighbour's on its `eth0`.
    pub(crate) const HOST: [&str; 2] = ["198.18.0.1", "fd98::1"];
    pub(crate) const NEIGHBOUR: [&str; 2] = ["198.18.0.2", "fd98::2"];

    /// Connects the test's host to a new network.
    pub(crate) fn new() -> Self {
        let made = thread::spawn(|| {
            unshare(CloneFlags::CLONE_NEWNET).unwrap();
            File::open("/proc/thread-self/ns/net").unwrap()
        });
        let lan = Self {
            netns: made.join().unwrap(),
        };
        let netns = lan.path();
        // Neither looks for duplicates of its addresses, which takes a second.
        let quick =
            "for it in all default; do echo 0 >/proc/sys/net/ipv6/conf/$it/accept_dad; done";
        Cmd::program("sh", ["-c", quick]).run().ok();
        lan.run("sh", &["-c", quick]);
        // Ends of one number would be taken for a simple link, whose carrier is looked
        // at once a second.
        let pair = ["link", "add", "up0", "index", "7", "type", "veth"];
        ip(&[&pair[..], &["peer", "name", "eth0", "netns", &netns]].concat());
        for (own, other) in Self::HOST.iter().zip(Self::NEIGHBOUR) {
            let length = if own.contains(':') { 64 } else { 24 };
            ip(&["address", "add", &format!("{own}/{length}"), "dev", "up0"]);
            lan.ip(&[
                "address",
                "add",
                &format!("{other}/{length}"),
                "dev",
                "eth0",
            ]);
        }
        ip(&["link", "set", "up0", "up"]);
        lan.ip(&["link", "set", "lo", "up"]);
        lan.ip(&["link", "set", "eth0", "up"]);
        for other in Self::NEIGHBOUR {
            until("the network works", || {
                Cmd::program(crate::BUSYBOX, ["ping", "-c", "1", "-W", "1", other])
                    .run()
                    .status
                    == 0
            });
        }
        lan
    }

    fn path(&self) -> String {
        format!("/proc/{}/fd/{}", std::process::id(), self.netns.as_raw_fd())
    }

    /// Runs a program as the neighbour.
    pub(crate) fn run(&self, program: &str, words: &[&str]) -> veld_tests::Output {
        let netns = format!("--net={}", self.path());
        let words = [&[netns.as_str(), program], words].concat();
        Cmd::program("nsenter", words).run()
    }

    /// Runs ip(8) as the neighbour.
    pub(crate) fn ip(&self, words: &[&str]) -> String {
        self.run("ip", words).ok().stdout
    }

    /// Whether an address answers the neighbour, which asks once and knows of nobody yet.
    pub(crate) fn reaches(&self, address: &str) -> bool {
        self.ip(&["neigh", "flush", "dev", "eth0"]);
        let words = ["ping", "-c", "1", "-W", "1", address];
        self.run(crate::BUSYBOX, &words).status == 0
    }

    /// The Ethernet address that the neighbour believes an address to be at.
    pub(crate) fn believes(&self, address: &str) -> Option<String> {
        let line = self.ip(&["neigh", "show", address, "dev", "eth0"]);
        let (_, rest) = line.split_once("lladdr ")?;
        rest.split(' ').next().map(str::to_owned)
    }

    /// The neighbour's own Ethernet address.
    pub(crate) fn mac(&self) -> String {
        mac_in(&self.ip(&["-o", "link", "show", "eth0"]))
    }
}

/// The Ethernet address of a link of the host's.
pub(crate) fn mac_of(link: &str) -> String {
    mac_in(&ip(&["-o", "link", "show", link]))
}

fn mac_in(shown: &str) -> String {
    let (_, rest) = shown.split_once("link/ether ").unwrap();
    rest.split(' ').next().unwrap().to_owned()
}

impl Drop for Lan {
    fn drop(&mut self) {
        // Where it is not there, the test has failed already.
        let _ = Cmd::program("ip", ["link", "delete", "up0"]).run();
    }
}
