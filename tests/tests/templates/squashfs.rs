//! The program that unpacks a squashfs: what it is given, and its end.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use veld_tests::{host, until};

use crate::{own_store, path};

/// Says who it is and what memory it may have, and takes long.
const FAKE: &str = "#!/bin/sh\nulimit -v >\"$SAID.new\"; echo $$ >>\"$SAID.new\"\nmv \"$SAID.new\" \"$SAID\"\nexec sleep 100\n";

#[test]
fn unsquashfs_has_a_bound_on_its_memory_and_ends_with_its_import() {
    let host = host!();
    own_store(&host, &host.directory().join("store"));
    let programs = host.directory().join("programs");
    fs::create_dir(&programs).unwrap();
    let fake = programs.join("unsquashfs");
    fs::write(&fake, FAKE).unwrap();
    fs::set_permissions(&fake, fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(host.directory(), fs::Permissions::from_mode(0o755)).unwrap();
    // The program is nobody on this host.
    let open = host.directory().join("open");
    fs::create_dir(&open).unwrap();
    fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).unwrap();
    let said = open.join("said");
    let image = host.directory().join("image.squashfs");
    // The magic number, which is all that is looked at before.
    fs::write(&image, [b"hsqs".as_slice(), &[0; 4096]].concat()).unwrap();
    let found = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    let mut import = host
        .cmd(["template", "import", path(&image), "--name", "base"])
        .env("PATH", found)
        .env("SAID", &said)
        .spawn();
    until("unsquashfs runs", || said.exists() || import.has_ended());
    let told = fs::read_to_string(&said).unwrap();
    let (memory, pid) = told.trim().split_once('\n').unwrap();
    assert_eq!(memory, "2097152", "KiB of address space");
    let pid: i32 = pid.parse().unwrap();
    let runs = || {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        line.starts_with(b"sleep\0")
    };
    until("it is the program in its place", runs);
    import.kill();
    until("it has ended too", || !runs());
}
