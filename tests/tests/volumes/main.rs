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
use std::path::Path;

use veld_tests::{Disk, Host, Ve, until};

/// A disk that holds what the tests put there, an xfs in an image among it.
const DISK: u64 = 2 << 30;

/// A host whose data is on a disk of its own, and volumes of 320 MiB in this layout there.
fn on_disk(host: &mut Host, kind: &str) -> Option<Disk> {
    let disk = Disk::sized(kind, DISK)?;
    host.keep_data_in(&disk.data());
    Some(disk)
}

/// Adds or takes away a mount of a VE.
fn set(ve: &Ve<'_>, what: &str) {
    ve.veld("set", [what]).done();
}

/// The loop devices that have files below a directory of the host's data.
fn loops(data: &Path) -> Vec<String> {
    let devices = fs::read_dir("/sys/block").unwrap().map(Result::unwrap);
    let files = devices.filter_map(|device| {
        let file = fs::read_to_string(device.path().join("loop/backing_file")).ok()?;
        let file = file.trim_end().to_owned();
        // As seen from a mount namespace that is gone it is named from the file system's root.
        let known = Path::new(&file);
        let volumes = data.join("volumes");
        (known.starts_with(volumes) || file.starts_with("/data/volumes/")).then_some(file)
    });
    files.collect()
}

/// Ends everything, and looks for what is left.
fn ends(host: &Host, volumes: &[&str]) {
    host.veld(["destroy", "--force", "--all"]).done();
    for name in volumes {
        host.veld(["volume", "remove", name])
            .says(&format!("volume {name}: removed"));
    }
    until("the loop devices let go", || loops(host.data()).is_empty());
    until("the trash is empty", || host.leaks().is_empty());
}
