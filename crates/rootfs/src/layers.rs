//! What a root file system is made of, and how that is mounted: for a VE, its ids
//! translated, or for a look at its files, ids as they are on disk.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsconfig_set_flag,
    fsconfig_set_string, fsmount, fsopen,
};
use veld_sys::mount::{Attributes, idmap, set_attributes};
use veld_sys::{Context, Failure, fault};

use crate::assembly::Stage;
use crate::detached::{Extent, clone_at};
use crate::file_system;
use crate::overlay::{self, Mounted};

/// What a root file system is made of.
#[derive(Debug, Clone, Copy)]
pub enum Layers<'a> {
    /// Trees over each other.
    Overlay {
        /// Those that are never written, the upmost first.
        lower: &'a [PathBuf],
        /// The directory that holds `upper`, above all of them, and `work`; a
        /// snapshot has none.
        area: Option<&'a Path>,
    },
    /// One tree.
    Tree(&'a Path),
    /// The file system in a file.
    Image(&'a Path),
}

/// What may be done with a [`view`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Nothing is written, to no layer.
    Read,
    /// Files are written as those of the VE.
    Write,
    /// The same, but nothing that goes to an overlay's own layer is on the disk, or has
    /// others wait for all that is not, until the caller syncs that layer. The directory
    /// `work` beside it is to be made anew then.
    Unsynced,
}

impl Layers<'_> {
    /// Mounts them for a VE, translated by its user namespace: the mount is not
    /// attached, and parts of it may be attached to the stage.
    ///
    /// # Errors
    /// Names the layer. EINVAL for one on a file system that cannot be idmapped;
    /// EROFS where the upper layer does not know the caller as its owner.
    pub(crate) fn mount(
        self,
        stage: &Stage,
        user_namespace: BorrowedFd<'_>,
    ) -> Result<Mounted, Failure> {
        match self {
            Self::Overlay { lower, area } => {
                let area = area
                    .ok_or(Errno::ROFS)
                    .context(|| "start from a snapshot")?;
                for (number, layer) in lower.iter().enumerate() {
                    let name = overlay::lower_name(number);
                    if number > 0 {
                        stage.make(&name)?;
                    }
                    stage.attach(&name, &lower_layer(layer, user_namespace)?)?;
                }
                stage.attach("a", &layer(area, user_namespace)?)?;
                overlay::mount(lower.len())
            }
            Self::Image(path) => {
                let mount = veld_images::mount(path, veld_images::Access::Write)?;
                idmap(mount.as_fd(), user_namespace)
                    .context(|| format!("idmap the file system in {}", path.display()))?;
                Ok(Mounted {
                    mount,
                    indexed: true,
                })
            }
            Self::Tree(path) => {
                let mount = layer(path, user_namespace)?;
                let no_dev = Attributes {
                    no_dev: true,
                    ..Attributes::default()
                };
                set_attributes(mount.as_fd(), no_dev)
                    .context(|| format!("restrict {}", path.display()))?;
                Ok(Mounted {
                    mount,
                    indexed: true,
                })
            }
        }
    }
}

/// Mounts layers for a look at the files or work on them by the host: not attached
/// anywhere, ids as they are on disk, device nodes and set-user-id bits without
/// effect. What is mounted for writing must not be in use by a VE meanwhile.
///
/// # Errors
/// Names the layer.
///
/// # Kernel
/// "Multiple lower layers" and, of [`Access::Unsynced`], "Volatile mount" in the kernel's
/// overlayfs.rst; `lowerdir+` of
/// fsconfig(2): Linux 6.7, without which the names of all have to go in 255 bytes.
pub fn view(layers: Layers<'_>, access: Access) -> Result<OwnedFd, Failure> {
    let mount = match layers {
        Layers::Tree(path) => clone_at(CWD, text(path)?, Extent::One)?,
        Layers::Image(path) => veld_images::mount(
            path,
            match access {
                Access::Read => veld_images::Access::Read,
                Access::Write | Access::Unsynced => veld_images::Access::Write,
            },
        )?,
        Layers::Overlay { lower, area } => view_overlay(lower, area, access)?,
    };
    let attributes = Attributes {
        read_only: access == Access::Read,
        no_suid: true,
        no_dev: true,
        no_exec: false,
    };
    set_attributes(mount.as_fd(), attributes).context(|| "restrict a view of a root")?;
    Ok(mount)
}

fn view_overlay(
    lower: &[PathBuf],
    area: Option<&Path>,
    access: Access,
) -> Result<OwnedFd, Failure> {
    let mut held = Vec::new();
    let mut hold = |path: &Path| -> Result<String, Failure> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = openat(CWD, path, flags, Mode::empty())
            .context(|| format!("open {}", path.display()))?;
        // No path of the host's has to fit into an option, or be free of its marks.
        let name = format!("/proc/self/fd/{}", directory.as_raw_fd());
        held.push(directory);
        Ok(name)
    };
    let mut names = Vec::new();
    let mut above = Vec::new();
    if let Some(area) = area {
        let upper = hold(&area.join("upper"))?;
        if access == Access::Read {
            names.push(upper);
        } else {
            above = vec![("upperdir", upper), ("workdir", hold(&area.join("work"))?)];
        }
    }
    for layer in lower {
        names.push(hold(layer)?);
    }
    // One tree alone is no overlay.
    if let ([_], true) = (names.as_slice(), above.is_empty()) {
        let only = lower.first().map_or(Path::new("/"), PathBuf::as_path);
        return clone_at(CWD, text(only)?, Extent::One);
    }
    fault::point("mount file system")
        .and_then(|()| mount_overlay(&names, &above, access == Access::Unsynced))
        .context(|| "mount overlay")
}

fn mount_overlay(
    lower: &[String],
    above: &[(&str, String)],
    unsynced: bool,
) -> std::io::Result<OwnedFd> {
    let context = fsopen("overlay", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_set_string(context.as_fd(), "source", "overlay")?;
    for name in lower {
        match fsconfig_set_string(context.as_fd(), "lowerdir+", name.as_str()) {
            Err(Errno::INVAL) => {
                fsconfig_set_string(context.as_fd(), "lowerdir", lower.join(":"))?;
                break;
            }
            set => set?,
        }
    }
    for (key, name) in above {
        fsconfig_set_string(context.as_fd(), *key, name.as_str())?;
    }
    if unsynced {
        fsconfig_set_flag(context.as_fd(), "volatile")?;
    }
    fsconfig_create(context.as_fd())?;
    let none = MountAttrFlags::empty();
    Ok(fsmount(
        context.as_fd(),
        FsMountFlags::FSMOUNT_CLOEXEC,
        none,
    )?)
}

fn lower_layer(path: &Path, user_namespace: BorrowedFd<'_>) -> Result<OwnedFd, Failure> {
    let layer = layer(path, user_namespace)?;
    let read_only = Attributes {
        read_only: true,
        no_dev: true,
        ..Attributes::default()
    };
    set_attributes(layer.as_fd(), read_only)
        .context(|| format!("make {} read-only", path.display()))?;
    Ok(layer)
}

fn layer(path: &Path, user_namespace: BorrowedFd<'_>) -> Result<OwnedFd, Failure> {
    let layer = clone_at(CWD, text(path)?, Extent::One)?;
    idmap(layer.as_fd(), user_namespace).context(|| {
        let kind = file_system::name_of(layer.as_fd());
        format!("idmap {}, which is on {kind}", path.display())
    })?;
    Ok(layer)
}

fn text(path: &Path) -> Result<&str, Failure> {
    let text = path.to_str().ok_or(Errno::ILSEQ);
    text.context(|| format!("use {} as a layer", path.display()))
}

#[cfg(test)]
mod tests {
    use std::fs::{create_dir_all, metadata, read_dir};
    use std::os::unix::fs::MetadataExt;

    use rustix::fs::fstatvfs;

    use super::*;

    fn trees(dir: &Path) -> ([PathBuf; 2], PathBuf) {
        let lower = ["one", "two"].map(|name| dir.join(name));
        for (number, layer) in lower.iter().enumerate() {
            create_dir_all(layer.join("shared")).unwrap();
            std::fs::File::create(layer.join(format!("shared/{number}"))).unwrap();
        }
        let area = dir.join("area");
        create_dir_all(area.join("upper/shared")).unwrap();
        create_dir_all(area.join("work")).unwrap();
        (lower, area)
    }

    fn names(mount: &OwnedFd) -> Vec<String> {
        let path = format!("/proc/self/fd/{}/shared", mount.as_raw_fd());
        let mut names: Vec<String> = read_dir(path)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_view_shows_all_layers_and_writes_to_the_upmost_alone() {
        if !rustix::process::geteuid().is_root() {
            println!("skipped: mounting takes root");
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let (lower, area) = trees(dir.path());
        let layers = Layers::Overlay {
            lower: &lower,
            area: Some(&area),
        };
        let mount = view(layers, Access::Write).unwrap();
        let file = format!("/proc/self/fd/{}/shared/2", mount.as_raw_fd());
        std::fs::File::create(file).unwrap();
        assert_eq!(names(&mount), ["0", "1", "2"]);
        drop(mount);
        let found = metadata(area.join("upper/shared/2")).unwrap();
        assert_eq!((found.uid(), found.len()), (0, 0));
        assert_eq!(read_dir(lower[0].join("shared")).unwrap().count(), 1);

        let mount = view(layers, Access::Read).unwrap();
        assert_eq!(names(&mount), ["0", "1", "2"]);
        let flags = fstatvfs(&mount).unwrap().f_flag;
        assert!(flags.contains(rustix::fs::StatVfsMountFlags::RDONLY));
    }

    #[test]
    fn a_view_of_one_tree_is_that_tree() {
        if !rustix::process::geteuid().is_root() {
            println!("skipped: mounting takes root");
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let (lower, _) = trees(dir.path());
        let one = Layers::Overlay {
            lower: &lower[..1],
            area: None,
        };
        for layers in [one, Layers::Tree(&lower[0])] {
            assert_eq!(names(&view(layers, Access::Read).unwrap()), ["0"]);
        }
    }
}
