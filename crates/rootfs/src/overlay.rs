//! The root file system of most VEs: template below, private area on top.

use std::os::fd::OwnedFd;

use rustix::fs::{StatVfsMountFlags, fstatvfs};
use rustix::io::Errno;
use rustix::mount::MountAttrFlags;
use veld_sys::{Context, Failure};

use crate::detached::{Setting, new_mount};

/// A mounted root.
#[derive(Debug)]
pub(crate) struct Mounted {
    /// Not attached to anything yet.
    pub(crate) mount: OwnedFd,
    /// Whether the kernel took the options that make file handles last.
    pub(crate) indexed: bool,
}

/// The name of a lower layer on the stage; the upmost has the number 0.
pub(crate) fn lower_name(number: usize) -> String {
    if number == 0 {
        "l".to_owned()
    } else {
        format!("l{number}")
    }
}

/// Mounts the overlay; the working directory holds so many lower layers, and `a`.
///
/// An index makes file handles last, which a checkpoint needs. It ties the
/// upper layer to the lower one's inodes: a template that was moved to another
/// disk, or a file system without handles, does without.
///
/// # Errors
/// EROFS where the upper layer does not know the caller as its owner.
///
/// # Kernel
/// "Index" and "NFS export" in the kernel's overlayfs.rst: Linux 4.13 and 4.16.
pub(crate) fn mount(layers: usize) -> Result<Mounted, Failure> {
    let lower: Vec<String> = (0..layers).map(lower_name).collect();
    let lower = lower.join(":");
    let plain = [
        ("source", "overlay"),
        ("lowerdir", lower.as_str()),
        ("upperdir", "a/upper"),
        ("workdir", "a/work"),
    ];
    let indexed: Vec<Setting<'_>> = plain
        .into_iter()
        .chain([("index", "on"), ("nfs_export", "on")])
        .collect();
    let attributes = MountAttrFlags::MOUNT_ATTR_NODEV;
    let overlay = match new_mount("overlay", &indexed, attributes) {
        Err(refused) if may_be_the_index(&refused) => Mounted {
            mount: new_mount("overlay", &plain, attributes)?,
            indexed: false,
        },
        result => Mounted {
            mount: result?,
            indexed: true,
        },
    };
    // Without an owner that the upper layer knows, an overlay comes up read-only
    // and mount says yes.
    let status = fstatvfs(&overlay.mount).context(|| "inspect overlay")?;
    if status.f_flag.contains(StatVfsMountFlags::RDONLY) {
        return Err(Failure::new("mount overlay for writing", Errno::ROFS));
    }
    Ok(overlay)
}

/// ESTALE: the upper layer was made on another lower one. EOPNOTSUPP: no file
/// handles. EINVAL has many reasons: if it was not the index, the mount without
/// one fails just so, and that failure is the one to report.
fn may_be_the_index(failure: &Failure) -> bool {
    [Errno::STALE, Errno::OPNOTSUPP, Errno::INVAL]
        .iter()
        .any(|errno| failure.errno() == Some(errno.raw_os_error()))
}

#[cfg(test)]
mod tests {
    use std::fs::{create_dir, create_dir_all, remove_dir_all, rename};

    use nix::mount::{MsFlags, mount as mount_at};
    use nix::sched::{CloneFlags, unshare};

    use super::*;

    /// Runs `test` in a tmpfs that nobody else sees: a thread may have mounts
    /// and a working directory of its own.
    fn on_a_stage(test: impl FnOnce() + Send + 'static) {
        if !rustix::process::geteuid().is_root() {
            println!("skipped: mounting takes root");
            return;
        }
        let place = tempfile::tempdir().unwrap();
        let path = place.path().to_owned();
        let run = move || {
            unshare(CloneFlags::CLONE_NEWNS).unwrap();
            let none = None::<&str>;
            let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
            mount_at(none, "/", none, private, none).unwrap();
            mount_at(Some("tmpfs"), &path, Some("tmpfs"), MsFlags::empty(), none).unwrap();
            std::env::set_current_dir(&path).unwrap();
            for layer in ["l", "a/upper", "a/work"] {
                create_dir_all(layer).unwrap();
            }
            test();
        };
        std::thread::spawn(run).join().unwrap();
    }

    #[test]
    fn an_upper_layer_keeps_its_index_on_the_same_lower_one() {
        on_a_stage(|| {
            assert!(mount(1).unwrap().indexed);
            assert!(mount(1).unwrap().indexed);
        });
    }

    #[test]
    fn an_upper_layer_on_another_lower_one_does_without_index() {
        on_a_stage(|| {
            drop(mount(1).unwrap());
            rename("l", "moved").unwrap();
            create_dir("l").unwrap();
            assert!(!mount(1).unwrap().indexed);
        });
    }

    #[test]
    fn what_fails_for_another_reason_is_not_blamed_on_the_index() {
        on_a_stage(|| {
            // A work directory that is an ancestor of the upper one: EINVAL.
            remove_dir_all("a").unwrap();
            create_dir_all("a/work/upper").unwrap();
            std::os::unix::fs::symlink("work/upper", "a/upper").unwrap();
            let failure = mount(1).unwrap_err();
            assert_eq!(failure.errno(), Some(Errno::INVAL.raw_os_error()));
            assert_eq!(failure.to_string(), "cannot mount overlay");
        });
    }
}
