//! Hosts whose VEs are in a layout other than the default, and files of theirs.

use std::fs;

use veld_tests::{Disk, Host, Ve};

use crate::walk::Kind;

/// Walks with VEs in layout `btrfs`, on a disk of their own.
pub(crate) fn on_btrfs(mut host: Host, kind: Kind, walk: impl FnOnce(&Host, Kind)) {
    let Some(disk) = Disk::sized("btrfs", 1 << 30) else {
        return;
    };
    host.keep_data_in(&disk.data());
    host.configure("[storage]\nlayout = \"btrfs\"\n");
    walk(&host, kind);
    drop(host);
}

/// Keeps VEs in layout `image` from now on.
pub(crate) fn of_images(host: &Host) {
    host.configure("[storage]\nlayout = \"image\"\nimage_size = \"32M\"\n");
}

/// Writes `/mine` of a stopped VE, whatever its layout is.
pub(crate) fn write(host: &Host, ve: &Ve<'_>, text: &str) {
    let private = ve.directory().join("private");
    let files = ["upper", "root"].map(|name| private.join(name));
    match files.iter().find(|files| files.is_dir()) {
        // As the VE would, before it is started.
        Some(files) => fs::write(files.join("mine"), text).unwrap(),
        None => {
            let file = host.directory().join("mine");
            fs::write(&file, text).unwrap();
            let words = ["cp", file.to_str().unwrap(), "web1:/mine"];
            host.veld(words).done();
        }
    }
}
