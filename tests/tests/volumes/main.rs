//! Volumes: files with a size of their own that several VEs have mounted.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "all of this is a test, which writes files as an administrator or a fault would"
)]

mod limits;
mod refused;
mod removal;
mod sharing;

use std::fs;

use veld_tests::{Cmd, Disk, Host, Ve, until};

/// A disk that holds what the tests put there, an xfs in an image among it.
const DISK: u64 = 2 << 30;

/// A disk with this file system, which the data of the host is on from now on.
fn on_disk(host: &mut Host, kind: &str) -> Option<Disk> {
    let disk = Disk::sized(kind, DISK)?;
    host.keep_data_in(&disk.data());
    Some(disk)
}

/// Adds or takes away a mount of a VE.
fn set(ve: &Ve<'_>, what: &str) {
    ve.veld("set", [what]).done();
}

/// The loop devices that have images of this host's volumes: a line for each.
fn loops(host: &Host) -> Vec<String> {
    let volumes = fs::read_dir(host.data().join("volumes")).into_iter();
    let images = volumes
        .flatten()
        .map(|volume| volume.unwrap().path().join("image"));
    // By device and inode: the path that the kernel tells is of a namespace that is gone.
    let found = images.filter(|image| image.exists()).flat_map(|image| {
        let words = ["--associated", image.to_str().unwrap()];
        let listed = Cmd::program("losetup", words).run().ok();
        listed.lines().map(str::to_owned).collect::<Vec<String>>()
    });
    found.collect()
}

/// Ends everything, and looks for what is left.
fn ends(host: &Host, volumes: &[&str]) {
    host.veld(["destroy", "--force", "--all"]).done();
    until("the loop devices let go", || loops(host).is_empty());
    for name in volumes {
        host.veld(["volume", "remove", name])
            .says(&format!("volume {name}: removed"));
    }
    until("the trash is empty", || host.leaks().is_empty());
}
