//! No name of a package registry's host is written down: a template is built
//! from the mirror that this host uses, a build from the one cargo is set to.

use super::super::{Finding, Tree};

/// Hosts, in parts: this file must not hold their names either.
const HOSTS: &[&[&str]] = &[
    &["deb", "debian", "org"],
    &["ftp", "debian", "org"],
    &["security", "debian", "org"],
    &["snapshot", "debian", "org"],
    &["archive", "ubuntu", "com"],
    &["dl-cdn", "alpinelinux", "org"],
    &["images", "linuxcontainers", "org"],
    &["crates", "io"],
    &["docker", "io"],
    &["ghcr", "io"],
    &["quay", "io"],
    &["pypi", "org"],
    &["npmjs", "org"],
    &["proxy", "golang", "org"],
];

/// Written by cargo, and says where each package came from.
const LEFT_OUT: &[&str] = &["Cargo.lock"];

/// Finds host names in any text file.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let hosts: Vec<String> = HOSTS.iter().map(|parts| parts.join(".")).collect();
    let mut findings = Vec::new();
    for (path, text) in tree.files() {
        if LEFT_OUT.iter().any(|left_out| path.ends_with(left_out)) {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            if let Some(host) = hosts.iter().find(|host| line.contains(host.as_str())) {
                let what = format!("names the package registry {host}");
                findings.push(Finding::at(path, number + 1, what));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_found_in_any_file_but_the_lock_file() {
        let line = format!("a\nhttps://{}/b\n", ["crates", "io"].join("."));
        let tree = Tree::of(&[("Cargo.lock", &line), ("docs/a.md", &line)]);
        let findings = check(&tree);
        assert_eq!(findings.len(), 1);
        assert!(findings[0].to_string().starts_with("docs/a.md:2: names"));
    }
}
