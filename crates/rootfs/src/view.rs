//! The root of a VE that does not run, for the host's own work on its files.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::mount::MountAttrFlags;
use veld_sys::mount::{Attributes, set_attributes};
use veld_sys::{Context, Failure};

use crate::assembly::Layers;
use crate::detached::new_mount;

/// What may be done with a [`view`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Nothing is written, to no layer.
    Read,
    /// Files are written as those of the VE.
    Write,
}

/// Mounts layers for a look at the files or work on them by the host: not attached
/// anywhere, ids as they are on disk, device nodes and set-user-id bits without
/// effect. What is mounted for writing must not be in use by a VE meanwhile.
///
/// # Errors
/// Names the layer.
///
/// # Kernel
/// "Multiple lower layers" in the kernel's overlayfs.rst: Linux 4.0.
pub fn view(layers: Layers<'_>, access: Access) -> Result<OwnedFd, Failure> {
    let open = |path: &Path| {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        openat(CWD, path, flags, Mode::empty()).context(|| format!("open {}", path.display()))
    };
    let upper = open(&layers.area.join("upper"))?;
    let work = open(&layers.area.join("work"))?;
    let template = open(layers.template)?;
    // By number: an option of a file system is no longer than 255 bytes.
    let link = |layer: &OwnedFd| format!("/proc/self/fd/{}", layer.as_raw_fd());
    let [upper, work, template] = [&upper, &work, &template].map(link);
    let both = format!("{upper}:{template}");
    let mut settings = vec![("source", "overlay")];
    match access {
        Access::Read => settings.push(("lowerdir", &both)),
        Access::Write => settings.extend([
            ("lowerdir", template.as_str()),
            ("upperdir", &upper),
            ("workdir", &work),
        ]),
    }
    let mount = new_mount("overlay", &settings, MountAttrFlags::MOUNT_ATTR_NODEV)?;
    let attributes = Attributes {
        read_only: access == Access::Read,
        no_suid: true,
        no_dev: true,
        no_exec: false,
    };
    set_attributes(mount.as_fd(), attributes).context(|| "restrict a view of a root")?;
    Ok(mount)
}
