//! Sources that are told apart by content: images of LXC and Incus, squashfs file
//! systems, backups, archives with the root elsewhere; and signatures.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "all of this is a test"
)]

mod common;

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::Command;

use common::{Archive, Host, chain, is_root, look};
use veld_templates::{ImportOptions, Signature, Source};

fn import(host: &Host, source: Source<'_>, options: &ImportOptions) -> Result<(), String> {
    let made = host
        .store()
        .import(source, "one", options, &mut |_| ControlFlow::Continue(()));
    made.map(drop).map_err(|error| {
        assert_eq!(host.names(), Vec::<String>::new(), "{error}");
        chain(&error)
    })
}

fn is_there(program: &str) -> bool {
    let there = Command::new(program).arg("--version").output().is_ok();
    #[allow(clippy::print_stdout, reason = "a skip says why")]
    if !there {
        println!("skipped: there is no {program}");
    }
    there
}

fn names(root: &Path) -> Vec<String> {
    let mut names: Vec<String> = look(root).into_keys().collect();
    names.retain(|name| !name.is_empty());
    names
}

const OWN: &str = std::env::consts::ARCH;

fn incus(architecture: &str) -> Vec<u8> {
    let metadata = format!("architecture: {architecture}\ncreation_date: 1\n");
    Archive::new()
        .file("metadata.yaml", metadata.as_bytes())
        .directory("rootfs/")
        .directory("rootfs/etc/")
        .file("rootfs/etc/hostname", b"x")
        .hard_link("rootfs/etc/second", "rootfs/etc/hostname")
        .directory("templates/")
        .file("templates/hostname.tpl", b"{{ x }}")
        .end()
}

#[test]
fn an_image_of_incus_is_its_root() {
    let host = Host::new();
    host.import(&incus(OWN), "one").unwrap();
    assert_eq!(
        names(&host.root("one")),
        ["etc", "etc/hostname", "etc/second"]
    );
    assert_eq!(host.names(), ["one"]);
    assert_eq!(
        Host::new().refused(&incus("vax")),
        format!("image is for vax, and this machine is {OWN}")
    );
}

#[test]
fn a_split_image_is_two_files() {
    let host = Host::new();
    let [metadata, rootfs] = ["metadata.tar", "rootfs.tar"].map(|name| host.scratch().join(name));
    let write = |architecture: &str| {
        let text = format!("architecture: {architecture}\n");
        let archive = Archive::new().file("metadata.yaml", text.as_bytes()).end();
        fs::write(&metadata, archive).unwrap();
    };
    let root = Archive::new()
        .directory("etc/")
        .file("etc/fstab", b"")
        .end();
    fs::write(&rootfs, root).unwrap();
    let split = || Source::Split {
        metadata: &metadata,
        rootfs: &rootfs,
    };
    write("vax");
    let options = ImportOptions::default();
    assert_eq!(
        import(&host, split(), &options).unwrap_err(),
        format!("image is for vax, and this machine is {OWN}")
    );
    // The metadata alone is no image.
    let line = import(&host, Source::File(&metadata), &options).unwrap_err();
    assert!(line.starts_with("image is for vax"), "{line}");
    write(OWN);
    let line = import(&host, Source::File(&metadata), &options).unwrap_err();
    assert!(
        line.starts_with("archive is the metadata of a split image"),
        "{line}"
    );
    import(&host, split(), &options).unwrap();
    assert_eq!(names(&host.root("one")), ["etc", "etc/fstab"]);
}

#[test]
fn the_root_may_be_one_directory_below() {
    let host = Host::new();
    let archive = Archive::new()
        .directory("debian/")
        .directory("debian/etc/")
        .directory("debian/usr/");
    host.import(&archive.clone().end(), "one").unwrap();
    assert_eq!(names(&host.root("one")), ["etc", "usr"]);
    let two = archive.directory("second/").directory("second/etc/");
    assert_eq!(
        Host::new().refused(&two.end()),
        "archive has two root directories, debian and second"
    );
    let twice = Archive::new()
        .directory("./")
        .directory("./etc/")
        .directory("./");
    assert_eq!(
        Host::new().refused(&twice.end()),
        "entry . is a second root directory"
    );
}

#[test]
fn a_backup_of_vzdump_loses_its_config() {
    let host = Host::new();
    let archive = Archive::new()
        .file("./etc/vzdump/pct.conf", b"arch: amd64\nunprivileged: 1\n")
        .directory("./")
        .directory("./etc/")
        .file("./etc/hostname", b"x");
    host.import(&archive.end(), "one").unwrap();
    assert_eq!(names(&host.root("one")), ["etc", "etc/hostname"]);
}

#[test]
fn a_file_for_another_machine_than_it_is_named_for_is_refused() {
    let host = Host::new();
    let own = fs::read("/proc/self/exe").unwrap();
    let archive = Archive::new().file("bin/sh", &own[..512]).end();
    let named = host.scratch().join("debian-12-s390x.tar");
    fs::write(&named, &archive).unwrap();
    let options = ImportOptions::default();
    assert_eq!(
        import(&host, Source::File(&named), &options).unwrap_err(),
        format!("debian-12-s390x.tar is named for s390x, and its programs are for {OWN}")
    );
    let mut foreign = own[..512].to_vec();
    foreign[18..20].copy_from_slice(&22_u16.to_le_bytes());
    let archive = Archive::new().file("bin/sh", &foreign).end();
    fs::write(&named, &archive).unwrap();
    assert_eq!(
        import(&host, Source::File(&named), &options).unwrap_err(),
        format!("image is for s390x, and this machine is {OWN}")
    );
    let any = ImportOptions {
        any_architecture: true,
        ..options
    };
    import(&host, Source::File(&named), &any).unwrap();
}

#[test]
fn what_is_known_to_be_none_is_refused_by_what_it_is() {
    for (start, line) in [
        (
            &b"\x89LZO\0\r\n\x1a\n and so on"[..],
            "source is compressed by lzop; decompress it with lzop -d first",
        ),
        (
            b"VMA\0 and so on, and on",
            "source is a vma backup of a virtual machine, which has no root directory of a VE",
        ),
        (
            b"PK\x03\x04 and so on, and on",
            "source is a zip archive; repack it as a tar archive",
        ),
    ] {
        assert_eq!(Host::new().refused(start), line);
    }
}

#[test]
fn a_squashfs_keeps_owners_and_capabilities() {
    if !is_root() || !is_there("mksquashfs") || !is_there("unsquashfs") {
        return;
    }
    let host = Host::new();
    let tree = host.scratch().join("tree");
    fs::create_dir_all(tree.join("etc")).unwrap();
    fs::write(tree.join("etc/owned"), "x").unwrap();
    std::os::unix::fs::chown(tree.join("etc/owned"), Some(1000), Some(65534)).unwrap();
    fs::write(tree.join("ping"), "y").unwrap();
    let capability = [1, 0, 0, 2, 0, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let flags = rustix::fs::XattrFlags::empty();
    rustix::fs::setxattr(tree.join("ping"), "security.capability", &capability, flags).unwrap();
    fs::hard_link(tree.join("ping"), tree.join("pong")).unwrap();
    std::os::unix::fs::symlink("/nowhere", tree.join("link")).unwrap();
    let image = host.scratch().join("image");
    let pack = || {
        let _ = fs::remove_file(&image);
        let packed = Command::new("mksquashfs").arg(&tree).arg(&image).output();
        assert!(packed.unwrap().status.success());
    };
    pack();
    let options = ImportOptions::default();
    import(&host, Source::File(&image), &options).unwrap();
    let seen = |root: &Path| {
        let mut all = look(root);
        // squashfs has whole seconds.
        for text in all.values_mut() {
            let from = text.find("mtime ").unwrap() + "mtime ".len();
            let end = text[from..].find(' ').map_or(text.len(), |at| from + at);
            text.replace_range(from..end, "");
        }
        all
    };
    assert_eq!(seen(&host.root("one")), seen(&tree));
    assert_eq!(host.names(), ["one"]);
    // A bomb by its list, and an id that no VE has.
    let small = common::small(1 << 20, 100);
    fs::File::create(tree.join("bomb"))
        .unwrap()
        .set_len(1 << 33)
        .unwrap();
    pack();
    assert_eq!(
        import(&Host::new(), Source::File(&image), &small).unwrap_err(),
        "entry bomb makes the template larger than 1048576 bytes"
    );
    fs::remove_file(tree.join("bomb")).unwrap();
    std::os::unix::fs::chown(tree.join("etc/owned"), Some(100_000), None).unwrap();
    pack();
    assert_eq!(
        import(&Host::new(), Source::File(&image), &options).unwrap_err(),
        "entry etc/owned belongs to user 100000, above 65535"
    );
    fs::write(&image, [&b"hsqs"[..], &[0xff; 4096]].concat()).unwrap();
    let line = import(&Host::new(), Source::File(&image), &options).unwrap_err();
    assert!(
        line.starts_with("image is no squashfs that unsquashfs reads"),
        "{line}"
    );
}

/// Makes a key, `keys` with it, and the signatures `sig` and `asc` of `file`.
fn sign(directory: &Path) {
    let home = directory.join("gnupg");
    fs::create_dir(&home).unwrap();
    let gpg = |words: &[&str]| {
        let done = Command::new("gpg")
            .arg("--homedir")
            .arg(&home)
            .args(["--batch", "--quiet", "--pinentry-mode", "loopback"])
            .args(["--passphrase", ""])
            .args(words)
            .output()
            .unwrap();
        assert!(done.status.success(), "{done:?}");
    };
    let text = |name: &str| directory.join(name).display().to_string();
    let [keys, sig, asc, file] = ["keys", "sig", "asc", "file"].map(text);
    let [old_keys, old] = ["old-keys", "old"].map(text);
    gpg(&["--quick-gen-key", "maker", "ed25519", "sign", "never"]);
    gpg(&["--output", &keys, "--export", "maker"]);
    gpg(&["--output", &sig, "--detach-sign", &file]);
    gpg(&["--output", &asc, "--armor", "--detach-sign", &file]);
    let long_ago = "20200101T000000!";
    let key = ["--quick-gen-key", "old", "ed25519", "sign", "1d"];
    gpg(&[&["--faked-system-time", long_ago][..], &key].concat());
    gpg(&["--output", &old_keys, "--export", "old"]);
    let sign = [
        "--local-user",
        "old",
        "--output",
        &old,
        "--detach-sign",
        &file,
    ];
    gpg(&[&["--faked-system-time", long_ago][..], &sign].concat());
    // It would wait for more to sign.
    let mut stop = Command::new("gpgconf");
    let stop = stop.arg("--homedir").arg(&home).args(["--kill", "all"]);
    assert!(stop.status().unwrap().success());
}

#[test]
fn a_signature_holds_for_the_file_alone() {
    if !is_there("gpg") || !is_there("gpgv") {
        return;
    }
    let host = Host::new();
    let at = |name: &str| host.scratch().join(name);
    fs::write(at("file"), Archive::new().file("etc/x", b"").end()).unwrap();
    sign(host.scratch());
    let signed = |file: &str, keyring: &str| ImportOptions {
        signature: Some(Signature {
            file: at(file),
            keyring: at(keyring),
        }),
        ..ImportOptions::default()
    };
    let file = at("file");
    for signature in ["sig", "asc"] {
        import(&host, Source::File(&file), &signed(signature, "keys")).unwrap();
        host.store().remove("one", || Ok(Vec::new())).unwrap();
    }
    let line = import(&host, Source::File(&file), &signed("old", "old-keys")).unwrap_err();
    assert!(
        line.ends_with("/old does not hold for the source: its key has expired"),
        "{line}"
    );
    fs::write(at("none"), "").unwrap();
    let line = import(&host, Source::File(&file), &signed("sig", "none")).unwrap_err();
    assert!(
        line.contains("/sig does not hold for the source: "),
        "{line}"
    );
    let other = at("other");
    fs::write(&other, Archive::new().file("etc/y", b"").end()).unwrap();
    let line = import(&host, Source::File(&other), &signed("sig", "keys")).unwrap_err();
    assert!(line.contains("BAD signature"), "{line}");
    let line = import(
        &host,
        Source::Directory(host.scratch()),
        &signed("sig", "keys"),
    )
    .unwrap_err();
    assert!(
        line.starts_with("a signature is checked for a file alone"),
        "{line}"
    );
}
