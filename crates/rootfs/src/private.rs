//! The root of a VE that does not run, put together for one process of the host's.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat};
use rustix::mount::MountAttrFlags;
use rustix::process::fchdir;
use veld_sys::mount::{Attributes, set_attributes};
use veld_sys::{Context, Failure, fault};

use crate::assembly::Layers;
use crate::detached::{Extent, attach, clone_at, new_mount};
use crate::overlay;

/// Puts the root together, with ids as they are on disk. It is attached nowhere, and
/// goes with its descriptor.
///
/// The caller is in a mount namespace of its own, in which `place`, a directory of the host's,
/// is covered, and becomes the working directory. Nobody else mounts the VE's area meanwhile.
///
/// # Errors
/// Names the layer.
pub fn private_root(place: &Path, layers: Layers<'_>) -> Result<OwnedFd, Failure> {
    let settings = [("source", "tmpfs"), ("mode", "0700"), ("size", "64k")];
    let stage = new_mount("tmpfs", &settings, MountAttrFlags::MOUNT_ATTR_NOSUID)?;
    let shown = place.display().to_string();
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let below = openat(CWD, place, flags, Mode::empty()).context(|| format!("open {shown}"))?;
    attach(stage.as_fd(), below.as_fd(), &shown)?;
    fchdir(&stage).context(|| format!("enter {shown}"))?;
    let layer = |name: &str, path: &Path, read_only: bool| -> Result<(), Failure> {
        let text = path.to_str().ok_or(rustix::io::Errno::ILSEQ);
        let text = text.context(|| format!("use {} as a layer", path.display()))?;
        let mount = clone_at(CWD, text, Extent::One)?;
        let set = Attributes {
            read_only,
            no_dev: true,
            ..Attributes::default()
        };
        set_attributes(mount.as_fd(), set).context(|| format!("restrict {text}"))?;
        fault::point("make directory on tmpfs")
            .and_then(|()| Ok(mkdirat(&stage, name, Mode::RWXU)?))
            .context(|| format!("create directory {name} on tmpfs"))?;
        let here = openat(&stage, name, flags, Mode::empty())
            .context(|| format!("open directory {name} on tmpfs"))?;
        attach(mount.as_fd(), here.as_fd(), name)
    };
    layer("l", layers.template, true)?;
    layer("a", layers.area, false)?;
    Ok(overlay::mount()?.mount)
}
