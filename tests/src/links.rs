//! What a test's network namespace holds.

use std::fs;

use crate::command::Cmd;

/// Names of the links in the thread's network namespace.
pub(crate) fn links() -> Vec<String> {
    let table = fs::read_to_string("/proc/thread-self/net/dev").unwrap();
    table
        .lines()
        .skip(2)
        .filter_map(|line| Some(line.split_once(':')?.0.trim().to_owned()))
        .collect()
}

/// The nftables rules there; empty where there is no nft.
pub(crate) fn rules() -> String {
    if !Cmd::is_there("nft") {
        return String::new();
    }
    Cmd::program("nft", ["list", "ruleset"]).run().ok().stdout
}
