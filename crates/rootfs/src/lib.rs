//! The file systems of a VE: assembled outside, entered from inside, and looked
//! into without ever following a link out.
//!
//! Two processes work on one tree:
//!
//! ```text
//! launcher, host's user namespace            child, VE's user namespace
//! in a private mount namespace               in a copy of it, all mounts locked
//!
//! STAGE            tmpfs, S                  clones STAGE/m, locks kept
//! STAGE/l, l1 …    lower layers, idmapped    mounts proc, sysfs, cgroup2, mqueue
//! STAGE/a          private area, idmapped    pivots into the clone
//! STAGE/m          overlay of l …, a/upper   drops the rest of the old tree
//! STAGE/m/dev …    parts of S and of U
//! ```
//!
//! What the launcher mounted the VE cannot take away; what the child mounts
//! needs its own namespaces and is its own.
//!
//! Layers go by short relative path, not by descriptor: a descriptor's path
//! would show in the VE's mount table, and paths work on every kernel that has
//! idmapped layers.
//!
//! What this crate must not know: which VE it is, where its files are kept,
//! cgroups' limits, networks.

mod added;
mod assembly;
mod copy;
mod detached;
mod device_tree;
mod file_system;
mod fuse;
mod host_device;
mod inside;
mod layers;
mod look;
mod overlay;
mod program;
mod renewal;
mod root_dir;
mod running_dev;
mod terminal;
mod terminals;

pub use added::{Added, AddedSource, Shelf, attach_added, can_take_away, take_away};

pub use assembly::{Assembly, Sizes, Stage};
pub use copy::{
    CopyEvent, CopyJob, CopyTree, CopyWish, Given, Ids, Told, copy_files, copy_input, copy_output,
};
pub use device_tree::usual_devices;
pub use fuse::abort_fuse;
pub use host_device::HostDevice;
pub use inside::{CgroupTree, enter};
pub use layers::{Access, Layers, view};
pub use look::{attach_look, end_look, is_looked_at, look_from_inside};
pub use program::open_program;
pub use renewal::{is_to_be_renewed, renew};
pub use root_dir::RootDir;
pub use running_dev::{FileId, RunningDev};
pub use terminal::{Terminal, TerminalSize, open_terminal};
pub use terminals::Terminals;
