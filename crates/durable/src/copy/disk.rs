//! A file system of a test's own, on a file behind a loop device.
#![allow(
    clippy::disallowed_methods,
    reason = "what makes and mounts file systems is the machine's"
)]

use std::fs::{File, create_dir};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Mounted as long as it is kept.
pub(super) struct Disk {
    directory: tempfile::TempDir,
}

impl Disk {
    /// One of this type and size in MiB, on which looking is no access; `None`, with the reason told, where
    /// nothing here makes or mounts such a one.
    pub(super) fn new(kind: &str, size: u64) -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            eprintln!("skipped: mounting takes root");
            return None;
        }
        let directory = tempfile::tempdir_in("/var/tmp").unwrap();
        let (image, root) = (
            directory.path().join("image"),
            directory.path().join("root"),
        );
        create_dir(&root).unwrap();
        let mounted = if kind == "tmpfs" {
            let size = format!("noatime,size={size}m");
            run("mount", &["-t", "tmpfs", "-o", &size, "none", text(&root)])
        } else {
            File::create(&image).unwrap().set_len(size << 20).unwrap();
            run(&format!("mkfs.{kind}"), &["-q", text(&image)])
                && run("mount", &["-o", "loop,noatime", text(&image), text(&root)])
        };
        if mounted {
            return Some(Self { directory });
        }
        eprintln!("skipped: no {kind} can be made and mounted here");
        None
    }

    pub(super) fn root(&self) -> PathBuf {
        self.directory.path().join("root")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        run("umount", &[text(&self.root())]);
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn run(program: &str, words: &[&str]) -> bool {
    let done = Command::new(program).args(words).output();
    done.is_ok_and(|done| done.status.success())
}
