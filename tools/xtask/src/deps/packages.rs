//! The Debian packages that the commands of xtask need, each with its reason.

use clap::ValueEnum;

/// What a package is needed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Set {
    /// Compiling
    Build,
    /// Running VEs
    Run,
    /// The test suites
    Test,
    /// A guest with cgroup v2 alone
    Vm,
    /// The peers of the benchmarks
    Bench,
}

/// A Debian package, and why it is needed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Package {
    pub(crate) name: &'static str,
    pub(crate) why: &'static str,
    set: Set,
}

const fn package(set: Set, name: &'static str, why: &'static str) -> Package {
    Package { name, why, set }
}

const PACKAGES: &[Package] = &[
    package(
        Set::Build,
        "gcc",
        "links, and compiles the C of liblzma and zstd",
    ),
    package(
        Set::Build,
        "libc6-dev",
        "the static C library that shim, init and veld are linked to",
    ),
    package(
        Set::Run,
        "debian-archive-keyring",
        "the keys that a Debian template's packages are checked by",
    ),
    package(Set::Run, "mmdebstrap", "makes Debian templates"),
    package(
        Set::Run,
        "mount",
        "mmdebstrap mounts /proc and /sys in a template that it makes",
    ),
    package(
        Set::Run,
        "e2fsprogs",
        "makes, checks and resizes images of ext4",
    ),
    package(
        Set::Run,
        "nftables",
        "loads the one table of firewall rules",
    ),
    package(
        Set::Test,
        "acl",
        "suites set and read access control lists on both sides",
    ),
    package(
        Set::Test,
        "attr",
        "suites set and read extended attributes on both sides",
    ),
    package(Set::Test, "btrfs-progs", "makes disks of the suites"),
    package(
        Set::Test,
        "busybox-static",
        "the smallest distribution, made by the suites themselves",
    ),
    package(
        Set::Test,
        "docker-registry",
        "a real registry, which templates are pulled from",
    ),
    package(
        Set::Test,
        "gnupg",
        "makes keys, and signs indexes of images as their servers do",
    ),
    package(Set::Test, "gpg", "signs what templates are imported from"),
    package(Set::Test, "gpgv", "checks signatures of templates"),
    package(
        Set::Test,
        "iperf3",
        "measures what goes over the links of VEs",
    ),
    package(
        Set::Test,
        "iproute2",
        "the oracle outside: links, addresses and routes",
    ),
    package(
        Set::Test,
        "iputils-ping",
        "the network suites' simplest traffic",
    ),
    package(
        Set::Test,
        "libcap2-bin",
        "file capabilities in templates and private areas",
    ),
    package(
        Set::Test,
        "openssl",
        "makes the certificate of a registry that speaks TLS",
    ),
    package(Set::Test, "openssh-client", "logs in to VEs that serve ssh"),
    package(
        Set::Test,
        "procps",
        "the oracle outside: processes and their limits",
    ),
    package(
        Set::Test,
        "skopeo",
        "pushes images, and reads what was pulled",
    ),
    package(
        Set::Test,
        "squashfs-tools",
        "makes and unpacks squashfs images of templates",
    ),
    package(
        Set::Test,
        "strace",
        "suites count the system calls of a start",
    ),
    package(Set::Test, "xfsprogs", "makes disks and images of xfs"),
    package(
        Set::Test,
        "umoci",
        "makes images, and is the oracle of unpacked ones of several layers",
    ),
    package(
        Set::Test,
        "util-linux",
        "nsenter, unshare and findmnt: the oracle outside",
    ),
    package(
        Set::Test,
        "xz-utils",
        "packs images as servers of simplestreams have them",
    ),
    package(
        Set::Vm,
        "busybox-static",
        "the initial file system of the guest",
    ),
    package(
        Set::Vm,
        "debian-archive-keyring",
        "the keys that the kernel's package is checked by",
    ),
    package(Set::Vm, "e2fsprogs", "makes the guest's disk"),
    package(Set::Vm, "iproute2", "brings up the guest's loopback device"),
    package(Set::Vm, "kmod", "finds and loads modules of the guest"),
    package(Set::Vm, "qemu-system-x86", "runs the guest"),
    package(Set::Vm, "util-linux", "ends the guest with xtask"),
    package(Set::Vm, "xz-utils", "unpacks modules of the guest"),
    package(
        Set::Bench,
        "btrfs-progs",
        "the disk of clones and snapshots, and a peer of theirs",
    ),
    package(
        Set::Bench,
        "busybox-static",
        "the trivial PID 1 of the start measurements",
    ),
    package(
        Set::Bench,
        "fio",
        "measures what is read and written a second",
    ),
    package(
        Set::Bench,
        "hyperfine",
        "a second opinion on any number of the table",
    ),
    package(
        Set::Bench,
        "iperf3",
        "measures what goes over links a second",
    ),
    package(
        Set::Bench,
        "iproute2",
        "the bridge and the bare pair that links are compared with",
    ),
    package(Set::Bench, "lxc", "the peer whose times are the aims"),
    package(Set::Bench, "runc", "a peer: application containers"),
    package(Set::Bench, "systemd-container", "a peer: systemd-nspawn"),
    package(Set::Bench, "umoci", "a peer: unpacking of OCI images"),
    package(
        Set::Bench,
        "util-linux",
        "the floor: unshare and nsenter do nothing else",
    ),
];

/// The packages of all of `sets`, each once.
pub(crate) fn of(sets: &[Set]) -> Vec<Package> {
    let mut chosen: Vec<Package> = Vec::new();
    for package in PACKAGES {
        let known = chosen.iter().any(|other| other.name == package.name);
        if sets.contains(&package.set) && !known {
            chosen.push(*package);
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_of_two_sets_is_asked_for_once() {
        let names: Vec<_> = of(&[Set::Test, Set::Bench])
            .iter()
            .map(|package| package.name)
            .collect();
        let busyboxes = names.iter().filter(|name| **name == "busybox-static");
        assert_eq!(busyboxes.count(), 1);
        assert!(names.contains(&"lxc"));
        assert!(!names.contains(&"gcc"));
    }
}
