//! Pages of files in memory: VEs of one template have them together in `overlay`.

use std::fs::{self, File};
use std::path::Path;

use rustix::fs::{Advice, fadvise};
use veld_tests::{Disk, Template, Ve, host};

const MIB: u64 = 1 << 20;
const SIZE: u64 = 16 * MIB;
const BLOB: &str = "srv/blob";

/// Has the kernel forget what it has of a file in memory.
fn forget(path: &Path) {
    let file = File::open(path).unwrap();
    file.sync_all().unwrap();
    fadvise(&file, 0, None, Advice::DontNeed).unwrap();
}

/// Bytes that came from a disk when the file was read inside.
fn read_from_disk(ve: &Ve<'_>) -> u64 {
    let script = format!("cat /{BLOB} >/dev/null; grep ^read_bytes /proc/$$/io");
    let said = ve.sh(&script).ok();
    said.line().split_once(": ").unwrap().1.parse().unwrap()
}

#[test]
fn ves_of_one_template_have_its_pages_together() {
    let mut host = host!();
    let Some(disk) = Disk::sized("ext4", 512 * MIB) else {
        return;
    };
    host.keep_data_in(&disk.data());
    let templates = disk.root().join("templates");
    host.keep_templates_in(&templates, Template::Busybox);
    let root = templates.join(Template::Busybox.name()).join("root");
    let blob = root.join(BLOB);
    fs::create_dir_all(blob.parent().unwrap()).unwrap();
    fs::write(&blob, vec![7; usize::try_from(SIZE).unwrap()]).unwrap();
    let start = |name: &str, layout: &str| {
        let ve = host
            .ve(name)
            .with(["--network", "none", "--layout", layout]);
        ve.start()
    };
    // A copy of its own is read from the disk, whatever others have in memory.
    let apart = start("apart", "directory");
    forget(&apart.directory().join("private/root").join(BLOB));
    let (one, two) = (start("one", "overlay"), start("two", "overlay"));
    forget(&blob);
    let first = read_from_disk(&one);
    assert!(first >= SIZE, "only {first} bytes came from the disk");
    let second = read_from_disk(&two);
    assert!(second < MIB, "{second} bytes came from the disk again");
    let own = read_from_disk(&apart);
    assert!(own >= SIZE, "only {own} bytes came from the disk");
    host.veld(["destroy", "--force", "--all"]).done();
    veld_tests::until("the trash is empty", || host.leaks().is_empty());
    drop(host);
}
