//! The network that a VE has unless another is asked for: who reaches whom, under which address, and what is left
//! of it afterwards.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "all of this is a test, which writes files as an administrator or a fault would"
)]

mod addresses;
mod hotplug;
mod lan;
mod modes;
mod names;
mod neighbour;
mod physical;
mod policy;
mod pools;
mod publish;
mod reach;
mod repair;
mod settings;
mod shown;
mod spoof;
mod spoof_bridge;

use veld_tests::{Cmd, Ve};

/// Addresses that the host has besides those that Veld gives it.
const HOST: [&str; 2] = ["192.0.2.1", "2001:db8::1"];

/// The machine's own, which brings what the template's has.
const BUSYBOX: &str = "/bin/busybox";

/// Gives the test's host addresses of its own.
fn give_addresses() {
    for address in HOST {
        ip(&["address", "add", address, "dev", "lo"]);
    }
}

/// Runs ip(8) on the test's host.
fn ip(words: &[&str]) -> String {
    Cmd::program("ip", words).run().ok().stdout
}

/// The addresses that a VE was given: IPv4 and IPv6.
fn addresses(ve: &Ve<'_>) -> [String; 2] {
    let shown = ve.show();
    let address = |number: usize| shown["addresses"][number].as_str().unwrap().to_owned();
    [address(0), address(1)]
}

/// Whether an address answers a VE, which asks once.
fn reaches(ve: &Ve<'_>, address: &str) -> bool {
    ve.exec(["ping", "-c", "1", "-W", "1", address]).status == 0
}
