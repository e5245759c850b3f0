//! What the machine on the LAN knows of addresses there.

use crate::ip;
use crate::lan::Lan;

impl Lan {
    /// Runs ip(8) there.
    pub(crate) fn ip(&self, words: &[&str]) -> String {
        self.run("ip", words).ok().stdout
    }

    /// Whether an address answers the machine, which asks once and knows of nobody yet.
    pub(crate) fn reaches(&self, address: &str) -> bool {
        self.ip(&["neigh", "flush", "dev", "eth0"]);
        let words = ["ping", "-c", "1", "-W", "1", address];
        self.run(crate::BUSYBOX, &words).status == 0
    }

    /// The Ethernet address that the machine believes an address to be at.
    pub(crate) fn believes(&self, address: &str) -> Option<String> {
        let line = self.ip(&["neigh", "show", address, "dev", "eth0"]);
        let (_, rest) = line.split_once("lladdr ")?;
        rest.split(' ').next().map(str::to_owned)
    }

    /// The machine's own Ethernet address.
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
