//! Small roots of all kinds.

use std::fs::{File, create_dir_all};
use std::os::fd::AsFd;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::*;

/// A root with files (path, content) and links (path, target).
fn root(files: &[(&str, &str)], links: &[(&str, &str)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let parents = |path: &Path| create_dir_all(path.parent().unwrap()).unwrap();
    for (path, content) in files {
        let path = root.path().join(path);
        parents(&path);
        veld_durable::replace(&path, content.as_bytes(), veld_durable::Life::Volatile).unwrap();
    }
    for (path, target) in links {
        let path = root.path().join(path);
        parents(&path);
        symlink(target, path).unwrap();
    }
    root
}

fn kind(files: &[(&str, &str)], links: &[(&str, &str)]) -> InitKind {
    let root = root(files, links);
    InitKind::detect(File::open(root.path()).unwrap().as_fd())
}

#[test]
fn a_link_tells_by_the_name_it_leads_to() {
    let linked = |program: &str, target: &str| kind(&[(program, "")], &[("sbin/init", target)]);
    for (found, program, target) in [
        (InitKind::Busybox, "bin/busybox", "/bin/busybox"),
        (InitKind::Openrc, "sbin/openrc-init", "openrc-init"),
        (
            InitKind::Runit,
            "lib/runit/runit-init",
            "/lib/runit/runit-init",
        ),
        (InitKind::Finit, "sbin/finit", "../sbin/finit"),
        (InitKind::S6, "bin/s6-svscan", "/bin/s6-svscan"),
    ] {
        assert_eq!(linked(program, target), found, "{program}");
    }
    // Merged /usr: absolute links are ones of the root, through other links.
    let links = [
        ("usr/sbin/init", "/lib/systemd/systemd"),
        ("lib", "usr/lib"),
        ("sbin", "usr/sbin"),
    ];
    let found = kind(&[("usr/lib/systemd/systemd", "")], &links);
    assert_eq!(found, InitKind::Systemd);
}

#[test]
fn a_program_called_init_tells_by_what_is_in_it() {
    let sysvinit = "\x7fELF..INIT_VERSION=sysvinit-3.06..";
    for (found, path, content) in [
        (InitKind::Sysvinit, "sbin/init", sysvinit),
        (
            InitKind::Finit,
            "sbin/init",
            "\x7fELF../var/run/finit/cond..",
        ),
        (
            InitKind::S6,
            "init",
            "#!/bin/sh\nexec /package/admin/s6-overlay/libexec/preinit",
        ),
        (InitKind::Unknown, "etc/init", "#!/bin/sh"),
    ] {
        assert_eq!(kind(&[(path, content)], &[]), found, "{path} {content}");
    }
}

#[test]
fn openrc_may_stand_on_another_init() {
    let busybox = |inittab: &str| {
        let files = [("bin/busybox", ""), ("etc/inittab", inittab)];
        kind(&files, &[("sbin/init", "/bin/busybox")])
    };
    assert_eq!(
        busybox("::sysinit:/sbin/openrc sysinit\n"),
        InitKind::Openrc
    );
    assert_eq!(busybox("#::wait:/sbin/openrc boot\n"), InitKind::Busybox);
}

#[test]
fn a_root_without_init_has_none() {
    assert_eq!(kind(&[("bin/sh", "")], &[]), InitKind::None);
    let dangling = [("sbin/init", "/nowhere")];
    assert_eq!(kind(&[("bin/sh", "")], &dangling), InitKind::None);
    assert_eq!(kind(&[], &[("sbin/init", "init")]), InitKind::None);
}

#[test]
fn a_link_out_of_the_root_finds_nothing_of_the_host() {
    let links = [
        ("sbin/init", "../../../../../../../bin/sh"),
        ("bin/sh", "/proc/self/exe"),
    ];
    let root = root(&[], &links);
    let open = File::open(root.path()).unwrap();
    assert_eq!(InitKind::detect(open.as_fd()), InitKind::None);
    assert_eq!(architecture(open.as_fd()), None);
}
