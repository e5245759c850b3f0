//! Parts of the kernel: which it was built with, and what does not work without.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use flate2::read::GzDecoder;

use crate::note::Note;

/// A kernel's configuration has some 300 KB.
const LONGEST: u64 = 4 * 1024 * 1024;

/// An option of the kernel's, or several of which one is enough, and what does not work
/// without.
const FEATURES: [(&[&str], &str); 15] = [
    (&["USER_NS"], "no VE can be started"),
    (&["OVERLAY_FS"], "no VE can be started"),
    (&["VETH"], "the modes routed and bridge are refused"),
    (&["BRIDGE"], "mode bridge is refused"),
    (&["MACVLAN"], "mode macvlan is refused"),
    (&["IPVLAN"], "mode ipvlan is refused"),
    (
        &["BRIDGE_VLAN_FILTERING", "VLAN_8021Q"],
        "a VLAN of an interface is refused",
    ),
    (
        &["NF_TABLES"],
        "nothing is masqueraded, published or filtered",
    ),
    (&["NF_TABLES_INET"], "sources in IPv6 are not checked"),
    (&["NFT_FIB_INET"], "sources in IPv6 are not checked"),
    (
        &["NF_TABLES_BRIDGE"],
        "what a VE on a bridge sends is not checked",
    ),
    (&["NFT_MASQ"], "VEs with addresses of a pool do not get out"),
    (&["NFT_NAT"], "no port can be published"),
    (&["NET_SCH_TBF"], "rate limits are refused"),
    (&["IFB"], "a rate limit of what a VE sends is refused"),
];

pub(crate) fn notes(root: &Path) -> Vec<Note> {
    // A kernel that does not say what it has is taken at its word by whoever uses it.
    let Ok(config) = config(root) else {
        return Vec::new();
    };
    missing(&config)
        .map(|(options, advice)| Note {
            kind: "kernel",
            subject: options.join(" or "),
            fact: "is not built in, nor a module".to_owned(),
            advice: advice.to_owned(),
        })
        .collect()
}

fn missing(config: &str) -> impl Iterator<Item = (&'static [&'static str], &'static str)> {
    let is_there = |option: &str| {
        let there = |line: &str| {
            let value = line.strip_prefix("CONFIG_")?.strip_prefix(option)?;
            matches!(value, "=y" | "=m").then_some(())
        };
        config.lines().find_map(there).is_some()
    };
    FEATURES
        .into_iter()
        .filter(move |(options, _)| !options.iter().any(|option| is_there(option)))
}

/// # Kernel
/// proc_config.gz(5), where the kernel was built with it; else distributions keep the
/// same text in /boot.
fn config(root: &Path) -> io::Result<String> {
    let mut text = String::new();
    if let Ok(file) = File::open(root.join("proc/config.gz")) {
        GzDecoder::new(file)
            .take(LONGEST)
            .read_to_string(&mut text)?;
        return Ok(text);
    }
    let release = File::open(root.join("proc/sys/kernel/osrelease"))?;
    release.take(LONGEST).read_to_string(&mut text)?;
    let file = format!("boot/config-{}", text.trim());
    text.clear();
    let file = File::open(root.join(file))?;
    file.take(LONGEST).read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::note::tests::tree;

    #[test]
    fn what_is_neither_built_in_nor_a_module_is_missing() {
        let all: String = FEATURES
            .iter()
            .map(|(options, _)| format!("CONFIG_{}=m\n", options[options.len() - 1]))
            .collect();
        assert_eq!(missing(&all).count(), 0);
        let less = all
            .replace("CONFIG_IPVLAN=m", "# CONFIG_IPVLAN is not set")
            .replace("CONFIG_IFB=m", "CONFIG_IFBX=m");
        let subjects: Vec<&str> = missing(&less).map(|(options, _)| options[0]).collect();
        assert_eq!(subjects, ["IPVLAN", "IFB"]);
    }

    #[test]
    fn a_configuration_is_looked_for_in_both_places() {
        let root = tree(&[
            ("proc/sys/kernel/osrelease", "6.1.0-x\n"),
            ("boot/config-6.1.0-x", "CONFIG_VETH=y\n"),
        ]);
        let found = notes(root.path());
        assert_eq!(found.len(), FEATURES.len() - 1);
        assert!(found.iter().all(|note| note.subject != "VETH"));
        let nothing = tree(&[]);
        assert_eq!(notes(nothing.path()), []);
    }
}
