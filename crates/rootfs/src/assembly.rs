//! The launcher's half: layers, overlay and the parts of /dev and /run.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Mode, OFlags, chmodat, mkdirat, openat};
use rustix::mount::MountAttrFlags;
use rustix::net::sockopt::set_socket_passcred;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, socket_with};
use veld_sys::mount::{Attributes, set_attributes};
use veld_sys::{Context, Failure, fault};

use crate::added::{Added, Shelf};
use crate::detached::{Extent, attach, clone_at, new_mount};
use crate::device_tree;
use crate::host_device::HostDevice;
use crate::layers::Layers;
use crate::root_dir::RootDir;
use crate::running_dev::FileId;
use crate::terminal::{Terminal, TerminalSize, open_terminal};
use crate::terminals::Terminals;

/// How much the file systems in memory may hold, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// /run and /dev together.
    pub run: u64,
    /// /dev/shm and /run/lock together: users of the VE write there, so they
    /// must not be able to fill what its services need.
    pub shm: u64,
}

/// A tree that is ready to be entered by [`crate::enter`].
#[derive(Debug)]
pub struct Assembly {
    /// The VE's console.
    pub console: Terminal,
    /// Its /dev.
    pub dev: FileId,
    /// Whether file handles of the root file system last, as a checkpoint needs;
    /// not on a template that is another than the one the VE was made on, nor on
    /// a file system without handles.
    pub indexed: bool,
    run: OwnedFd,
}

impl Assembly {
    /// Puts the tree together on `stage`, the working directory.
    ///
    /// The caller acts as the owner of the stage with all capabilities and has
    /// no umask. `user_namespace` has the maps that the layers are translated by;
    /// of `devices` /dev has nodes besides those that every VE has.
    ///
    /// # Errors
    /// Names the layer or the directory. EINVAL for a layer on a file system
    /// that cannot be idmapped.
    ///
    /// # Kernel
    /// Idmapped layers of an overlay: Linux 5.19. `OPEN_TREE_CLONE` of a mount
    /// that is attached nowhere: Linux 6.15, and so not used.
    pub fn build(
        stage: &Stage,
        layers: Layers<'_>,
        user_namespace: BorrowedFd<'_>,
        shm: u64,
        devices: &[HostDevice],
    ) -> Result<Self, Failure> {
        let owner = stage.owner;
        let shared = tmpfs(owner, shm)?;
        // Before Linux 6.15 only what is attached can be cloned.
        stage.attach("s", &shared)?;
        let shared = Directory { fd: shared };
        shared.make("shm", 0o1777)?;
        shared.make("lock", 0o1777)?;

        let mounted = layers.mount(stage, user_namespace)?;
        stage.attach("m", &mounted.mount)?;

        let root = RootDir::from_fd(mounted.mount);
        let dev = stage.part("dev")?;
        device_tree::fill(dev.as_fd(), devices)?;
        let dev_id = FileId::of(dev.as_fd()).context(|| "inspect /dev")?;
        let devpts = stage.terminals.mount();
        let console = open_terminal(devpts, TerminalSize::default())?;
        let run = stage.part("run")?;
        let directories = Directory {
            fd: openat_dir(run.as_fd(), "")?,
        };
        directories.make("lock", 0o755)?;
        directories.make("host", 0o755)?;

        mount_part(&root, "dev", &dev, restricted(false))?;
        mount_below(&dev, "pts", devpts)?;
        mount_below(&dev, "shm", &shared.part("shm")?)?;
        mount_below(
            &dev,
            "console",
            &clone_at(devpts.as_fd(), "0", Extent::One)?,
        )?;
        mount_part(&root, "run", &run, restricted(true))?;
        mount_below(&run, "lock", &shared.part("lock")?)?;
        for (name, mode) in [("proc", 0o555), ("sys", 0o555)] {
            root.ensure_dir(name, Mode::from_raw_mode(mode))?;
        }
        Ok(Self {
            console,
            dev: dev_id,
            indexed: mounted.indexed,
            run: directories.fd,
        })
    }

    /// A socket that the VE finds at /run/host/notify, where PID 1 says that
    /// its services are up. Each message comes with its sender's credentials.
    ///
    /// # Errors
    /// Those of socket(2) and bind(2).
    ///
    /// # Kernel
    /// unix(7), `SO_PASSCRED`; sd_notify(3) for who speaks on it.
    pub fn notices(&self) -> Result<OwnedFd, Failure> {
        let host = openat_dir(self.run.as_fd(), "host")?;
        let bind_in = || -> std::io::Result<OwnedFd> {
            fault::point("bind notify socket")?;
            let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
            let socket = socket_with(AddressFamily::UNIX, SocketType::DGRAM, flags, None)?;
            set_socket_passcred(&socket, true)?;
            // Through the descriptor: no path of ours is as short as a socket's must be.
            let name = format!("/proc/self/fd/{}/notify", host.as_raw_fd());
            bind(&socket, &SocketAddrUnix::new(name)?)?;
            // Others than root of the VE could crowd out what PID 1 says.
            chmodat(&host, "notify", Mode::RUSR | Mode::WUSR, AtFlags::empty())?;
            Ok(socket)
        };
        bind_in().context(|| "create /run/host/notify of the VE")
    }
}

fn restricted(no_dev: bool) -> Attributes {
    Attributes {
        no_suid: true,
        no_dev,
        ..Attributes::default()
    }
}

/// An open directory of a tmpfs of ours.
#[derive(Debug)]
struct Directory {
    fd: OwnedFd,
}

impl Directory {
    fn make(&self, name: &str, mode: u32) -> Result<(), Failure> {
        let mode = Mode::from_raw_mode(mode);
        fault::point("make directory on tmpfs")
            .and_then(|()| Ok(mkdirat(&self.fd, name, mode)?))
            .context(|| format!("create directory {name} on tmpfs"))
    }

    /// A detached mount of the directory `name` alone.
    fn part(&self, name: &str) -> Result<OwnedFd, Failure> {
        clone_at(self.fd.as_fd(), name, Extent::One)
    }
}

/// Where the tree is put together: a tmpfs that becomes /dev and /run of the VE.
#[derive(Debug)]
pub struct Stage {
    root: Directory,
    terminals: Terminals,
    owner: u32,
}

impl Stage {
    /// Mounts the stage at `place`, an empty directory of the host's, and makes
    /// it the working directory.
    ///
    /// The caller is in a mount namespace of its own, acts as the owner of the
    /// terminals with all capabilities, and discards namespace and stage together: there
    /// is no other undo. A child that is to [`crate::enter`] the tree is cloned
    /// after this, and has the stage as its working directory by inheritance:
    /// no path of the host's leads it there.
    ///
    /// # Errors
    /// Names the place.
    pub fn mount(place: &Path, terminals: Terminals, size: u64) -> Result<Self, Failure> {
        let owner = terminals.owner();
        let mount = tmpfs(owner, size)?;
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let below = openat(CWD, place, flags, Mode::empty())
            .context(|| format!("open {}", place.display()))?;
        attach(mount.as_fd(), below.as_fd(), &place.display().to_string())?;
        rustix::process::fchdir(&mount).context(|| format!("enter {}", place.display()))?;
        let root = Directory { fd: mount };
        for name in ["l", "a", "m", "s", "dev", "run"] {
            root.make(name, 0o755)?;
        }
        Ok(Self {
            root,
            terminals,
            owner,
        })
    }

    /// Puts mounts on the stage that are added to the tree by [`crate::enter`].
    ///
    /// # Errors
    /// Names the step.
    pub fn shelve(&self, mounts: &[Added]) -> Result<(), Failure> {
        if mounts.is_empty() {
            return Ok(());
        }
        Shelf::within(self.root.fd.as_fd())?.put(mounts)
    }

    /// Makes one more directory to attach something to.
    pub(crate) fn make(&self, name: &str) -> Result<(), Failure> {
        self.root.make(name, 0o755)
    }

    pub(crate) fn attach(&self, name: &str, mount: &OwnedFd) -> Result<(), Failure> {
        attach(
            mount.as_fd(),
            openat_dir(self.root.fd.as_fd(), name)?.as_fd(),
            name,
        )
    }

    fn part(&self, name: &str) -> Result<OwnedFd, Failure> {
        self.root.part(name)
    }
}

fn openat_dir(dir: BorrowedFd<'_>, name: &str) -> Result<OwnedFd, Failure> {
    let name = if name.is_empty() { "." } else { name };
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(dir, name, flags, Mode::empty()).context(|| format!("open directory {name} on tmpfs"))
}

fn tmpfs(owner: u32, size: u64) -> Result<OwnedFd, Failure> {
    let (owner, size) = (owner.to_string(), size.to_string());
    let settings = [
        ("source", "tmpfs"),
        ("mode", "0755"),
        ("uid", &owner),
        ("gid", &owner),
        ("size", &size),
    ];
    new_mount("tmpfs", &settings, MountAttrFlags::MOUNT_ATTR_NOSUID)
}

/// Attaches `part` to the directory `name` of the root.
fn mount_part(root: &RootDir, name: &str, part: &OwnedFd, set: Attributes) -> Result<(), Failure> {
    set_attributes(part.as_fd(), set).context(|| format!("restrict /{name}"))?;
    let place = root.ensure_dir(name, Mode::from_raw_mode(0o755))?;
    attach(part.as_fd(), place.as_fd(), &format!("/{name}"))
}

/// Attaches `mount` to `name` of a part that is attached already.
fn mount_below(part: &OwnedFd, name: &str, mount: &OwnedFd) -> Result<(), Failure> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let place = openat(part, name, flags, Mode::empty()).context(|| format!("open {name}"))?;
    attach(mount.as_fd(), place.as_fd(), name)
}
