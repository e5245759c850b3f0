//! A disk of a test's own: a file behind a loop device, with a file system on it.

use std::fs;
use std::os::linux::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::command::Cmd;
use crate::wait::until;

/// Mounted as long as it is kept. A host whose data is on it has to go first.
#[derive(Debug)]
pub struct Disk {
    directory: tempfile::TempDir,
    /// The device, as `/dev/loop8`.
    device: String,
}

impl Disk {
    /// One of 256 MiB with a file system of this type; `None`, with the reason told,
    /// where nothing here makes or mounts such a one.
    #[must_use]
    pub fn new(kind: &str) -> Option<Self> {
        Self::sized(kind, 256 << 20)
    }

    /// The same, of so many bytes.
    #[must_use]
    pub fn sized(kind: &str, bytes: u64) -> Option<Self> {
        Self::made(kind, bytes, &[], "")
    }

    /// The same, which holds projects to their quota; `None`, with the reason told,
    /// where this kernel has no quota.
    #[must_use]
    pub fn with_projects(kind: &str, bytes: u64) -> Option<Self> {
        let features: &[&str] = match kind {
            "ext4" => &["-O", "project,quota"],
            _ => &[],
        };
        Self::made(kind, bytes, features, "prjquota")
    }

    fn made(kind: &str, bytes: u64, features: &[&str], options: &str) -> Option<Self> {
        let make = format!("mkfs.{kind}");
        if !Cmd::is_there(&make) {
            return skipped(&format!("there is no {make}"));
        }
        // On the disk of the machine, not in its memory.
        let directory = tempfile::tempdir_in("/var/tmp").unwrap();
        let image = directory.path().join("image");
        let file = fs::File::create(&image).unwrap();
        file.set_len(bytes).unwrap();
        let words = [&["-q"], features, &[path(&image)]].concat();
        Cmd::program(make, words).run().ok();
        let words = ["--find", "--show", "--direct-io=on", path(&image)];
        let device = Cmd::program("losetup", words).run().ok().line().to_owned();
        let disk = Self { directory, device };
        let root = disk.root();
        fs::create_dir(&root).unwrap();
        let options = if options.is_empty() {
            "defaults"
        } else {
            options
        };
        let words = ["-o", options, disk.device.as_str(), path(&root)];
        let mounted = Cmd::program("mount", words).run();
        if mounted.status != 0 {
            return skipped(&mounted.stderr);
        }
        Some(disk)
    }

    /// Where it is mounted.
    #[must_use]
    pub fn root(&self) -> PathBuf {
        self.directory.path().join("root")
    }

    /// A directory on it for the data of a host, which is there when it is used.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.root().join("data")
    }

    /// The numbers of its device, as the kernel writes them.
    #[must_use]
    pub fn numbers(&self) -> String {
        let number = fs::metadata(&self.device).unwrap().st_rdev();
        let (major, minor) = (rustix::fs::major(number), rustix::fs::minor(number));
        format!("{major}:{minor}")
    }

    /// Gives the device this scheduler; whether the kernel has it.
    #[must_use]
    pub fn schedule(&self, name: &str) -> bool {
        let device = self.device.trim_start_matches("/dev/");
        let file = format!("/sys/block/{device}/queue/scheduler");
        fs::write(file, name).is_ok()
    }
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn skipped(reason: &str) -> Option<Disk> {
    #[allow(clippy::print_stderr, reason = "whoever reads the log wants to know")]
    {
        eprintln!("skipped: {reason}");
    }
    None
}

impl Drop for Disk {
    fn drop(&mut self) {
        let root = self.root();
        // The kernel lets go of what a VE had there in its own time.
        if !std::thread::panicking() {
            until("the disk is not in use", || {
                Cmd::program("umount", [path(&root)]).run().status == 0 || !is_mounted(&root)
            });
        } else {
            let _ = Cmd::program("umount", ["--lazy", path(&root)]).run();
        }
        let _ = Cmd::program("losetup", ["--detach", &self.device]).run();
    }
}

fn is_mounted(root: &Path) -> bool {
    let table = fs::read_to_string("/proc/self/mountinfo").unwrap();
    table.contains(&format!(" {} ", root.display()))
}
