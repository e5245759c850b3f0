//! Trees of BusyBox alone: a distribution that boots in forty milliseconds.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use crate::command::Cmd;

/// The machine's own BusyBox, which must be static (package busybox-static).
pub(crate) const PROGRAM: &str = "/bin/busybox";

/// Changed with what is below, so that a cached tree of before is not used.
pub(crate) const RECIPE: u32 = 1;

/// Two services, a prompt that a VE has no use for, and a last deed.
const INITTAB: &str = "\
::sysinit:/etc/init.d/rcS
::respawn:/sbin/syslogd -n -O /var/log/messages
::respawn:/usr/local/bin/service
tty1::respawn:/sbin/getty 38400 tty1
::shutdown:/bin/touch /var/went-down
";

const FILES: [(&str, u32, &str); 8] = [
    ("etc/inittab", 0o644, INITTAB),
    (
        "etc/init.d/rcS",
        0o755,
        "#!/bin/sh\nmkdir -p /var/log\necho booted on $(tty)\n",
    ),
    (
        "usr/local/bin/service",
        0o755,
        "#!/bin/sh\nwhile :; do sleep 1000; done\n",
    ),
    (
        "etc/passwd",
        0o644,
        "root:x:0:0:root:/root:/bin/sh\nalice:x:1000:100:Alice:/home/alice:/bin/sh\n",
    ),
    (
        "etc/group",
        0o644,
        "root:x:0:\ntty:x:5:\naudio:x:29:bob,alice\nusers:x:100:\nwheel:x:10:alice\n",
    ),
    (
        "etc/os-release",
        0o644,
        "ID=busybox\nNAME=BusyBox\nPRETTY_NAME=\"BusyBox of the tests\"\n",
    ),
    ("etc/hostname", 0o644, "template\n"),
    ("root/.profile", 0o644, "PS1='inside# '\n"),
];

const DIRECTORIES: [(&str, u32); 17] = [
    ("bin", 0o755),
    ("sbin", 0o755),
    ("usr", 0o755),
    ("usr/bin", 0o755),
    ("usr/sbin", 0o755),
    ("usr/local", 0o755),
    ("usr/local/bin", 0o755),
    ("etc", 0o755),
    ("etc/init.d", 0o755),
    ("root", 0o700),
    ("home", 0o755),
    ("home/alice", 0o755),
    ("var", 0o755),
    ("proc", 0o555),
    ("sys", 0o555),
    ("dev", 0o755),
    ("tmp", 0o1777),
];

/// Puts the tree at `root`, which is made; with an init or without.
pub(crate) fn make(root: &Path, init: bool) {
    fs::create_dir(root).unwrap();
    fs::set_permissions(root, Permissions::from_mode(0o755)).unwrap();
    for (name, mode) in DIRECTORIES {
        fs::create_dir(root.join(name)).unwrap();
        fs::set_permissions(root.join(name), Permissions::from_mode(mode)).unwrap();
    }
    fs::copy(PROGRAM, root.join("bin/busybox")).unwrap();
    let applets = Cmd::program(PROGRAM, ["--list-full"]).run().ok();
    for applet in applets.lines() {
        let link = root.join(applet);
        // One that this BusyBox has elsewhere is of no use here.
        if link.parent().is_some_and(Path::is_dir) && !link.exists() {
            symlink("/bin/busybox", link).unwrap();
        }
    }
    for (name, mode, text) in FILES {
        fs::write(root.join(name), text).unwrap();
        fs::set_permissions(root.join(name), Permissions::from_mode(mode)).unwrap();
    }
    fs::remove_file(root.join("sbin/init")).unwrap_or_default();
    if init {
        symlink("../bin/busybox", root.join("sbin/init")).unwrap();
    } else {
        fs::remove_file(root.join("etc/inittab")).unwrap();
        fs::remove_file(root.join("bin/init")).unwrap_or_default();
    }
}
