//! Capabilities of files and other attributes of theirs, in every layout and whatever is
//! made of a VE.

use std::path::{Path, PathBuf};

use rustix::fs::{XattrFlags, getxattr, setxattr};
use veld_tests::{Disk, Host, Template, Ve, host};

/// `struct vfs_cap_data`: version 2, effective, `CAP_NET_RAW`.
const NET_RAW: [u32; 5] = [0x0200_0001, 1 << 13, 0, 0, 0];
/// What a template has, and what a VE makes: BusyBox by the name of one of its programs.
const GIVEN: &str = "srv/given/grep";
const MADE: &str = "srv/made/grep";

fn set(path: &Path, name: &str, value: &[u8]) {
    setxattr(path, name, value, XattrFlags::empty()).unwrap();
}

/// A host whose data and templates are on a btrfs, where every layout can be had.
fn host_on_btrfs() -> Option<(Host, Disk)> {
    let mut host = Host::new(&[Template::Busybox]).ok()?;
    let disk = Disk::sized("btrfs", 2 << 30)?;
    host.keep_data_in(&disk.data());
    let templates = disk.root().join("templates");
    let template = templates.join(Template::Busybox.name()).join("root");
    host.configure("[storage]\nimage_size = \"320M\"\n");
    host.keep_templates_in(&templates, Template::Busybox);
    let given = template.join(GIVEN);
    std::fs::create_dir_all(given.parent().unwrap()).unwrap();
    std::fs::copy(template.join("bin/busybox"), &given).unwrap();
    let capability = NET_RAW.map(u32::to_le_bytes).concat();
    set(&given, "security.capability", &capability);
    set(&given, "user.mark", b"kept");
    set(&given, "trusted.mark", b"kept");
    Some((host, disk))
}

fn made<'h>(host: &'h Host, layout: &str) -> Ve<'h> {
    let ve = host
        .ve("web1")
        .with(["--network", "none", "--layout", layout]);
    let ve = ve.start();
    ve.sh(&format!("mkdir -p /srv/made && cp /bin/busybox /{MADE}"))
        .done();
    assert_eq!(ve.probe(["entitle", &format!("/{MADE}")]).line(), "ok");
    ve
}

/// Capabilities that a program has that a user without any has started.
fn effective(ve: &Ve<'_>, program: &str) -> u64 {
    let words = [&format!("/{program}"), "CapEff", "/proc/self/status"];
    let said = ve.exec_with(["--user", "1000"], words).ok();
    let said = said.line().trim_start_matches("CapEff:").trim().to_owned();
    u64::from_str_radix(&said, 16).unwrap()
}

/// Kept and effective, of a VE that does not run and does not afterwards.
fn are_kept(ve: &Ve<'_>, after: &str) {
    ve.start();
    let plain = effective(ve, "bin/grep");
    assert_eq!(plain, 0, "of a program without any, after {after}");
    for program in [GIVEN, MADE] {
        let has = effective(ve, program);
        assert_eq!(has, 1 << 13, "of {program} after {after}");
    }
    ve.stop();
    let look = PathBuf::from(ve.veld("mount", [""; 0]).ok().line());
    for (program, name) in [
        (GIVEN, "user.mark"),
        (GIVEN, "trusted.mark"),
        (MADE, "user.mark"),
    ] {
        let mut value = [0; 16];
        let length = getxattr(look.join(program), name, &mut value);
        let length = length.unwrap_or_else(|errno| panic!("{name} after {after}: {errno}"));
        assert_eq!(&value[..length], b"kept", "{name} after {after}");
    }
    ve.veld("umount", [""; 0]).done();
}

fn through_all(layout: &str, image_fs: &str) {
    let Some((host, disk)) = host_on_btrfs() else {
        return;
    };
    let config = std::fs::read_to_string(host.config()).unwrap();
    let config = config.replace(
        "[storage]",
        &format!("[storage]\nimage_fs = \"{image_fs}\""),
    );
    std::fs::write(host.config(), config).unwrap();
    let ve = made(&host, layout);
    // Of a VE that runs, whose files are copied where a layout has nothing else.
    host.veld(["snapshot", "create", "web1", "running"]).ok();
    ve.stop();
    are_kept(&ve, "its creation");
    host.veld(["snapshot", "create", "web1", "stopped"]).ok();
    for snapshot in ["running", "stopped"] {
        ve.start();
        ve.sh("rm -r /srv/made /srv/given").done();
        ve.stop();
        host.veld(["snapshot", "restore", "web1", snapshot]).ok();
        are_kept(&ve, &format!("the snapshot of it {snapshot}"));
    }
    for (name, options) in [("web2", &[][..]), ("web3", &["--full"])] {
        host.veld([&["clone", "web1", name][..], options].concat())
            .ok();
        are_kept(&host.existing(name), &format!("clone {options:?}"));
    }
    host.veld(["destroy", "--force", "--all"]).done();
    veld_tests::until("the trash is empty", || host.leaks().is_empty());
    drop((host, disk));
}

#[test]
fn an_overlay_keeps_attributes_and_capabilities() {
    through_all("overlay", "ext4");
}

#[test]
fn a_subvolume_keeps_attributes_and_capabilities() {
    through_all("btrfs", "ext4");
}

#[test]
fn an_image_of_ext4_keeps_attributes_and_capabilities() {
    through_all("image", "ext4");
}

#[test]
fn an_image_of_xfs_keeps_attributes_and_capabilities() {
    through_all("image", "xfs");
}

#[test]
fn a_directory_keeps_attributes_and_capabilities() {
    through_all("directory", "ext4");
}

#[test]
fn attributes_and_capabilities_go_from_layout_to_layout() {
    let Some((host, disk)) = host_on_btrfs() else {
        return;
    };
    let ve = made(&host, "overlay");
    ve.stop();
    for layout in ["btrfs", "image", "directory", "overlay"] {
        ve.veld("convert", ["--layout", layout]).ok();
        are_kept(&ve, &format!("its conversion to {layout}"));
    }
    ve.destroy();
    veld_tests::until("the trash is empty", || host.leaks().is_empty());
    drop((host, disk));
}

#[test]
fn a_host_of_any_kind_keeps_what_its_own_ves_have() {
    let host = host!();
    let ve = made(&host, "overlay");
    assert_eq!(effective(&ve, MADE), 1 << 13);
    ve.stop();
    ve.start();
    assert_eq!(effective(&ve, MADE), 1 << 13);
}
