//! File systems in files: made by the file system's own tool, mounted by a loop
//! device that goes with the mount, grown and shrunk.
//!
//! ```text
//!  image ── lock ── loop device ── mount, attached nowhere
//!             └─ held by the device: as long as it has the file, nobody else gets it
//! ```
//!
//! Two mounts of one image would each write over what the other has; so whoever
//! works on one has an flock(2) on it, which the loop device goes on holding. Those who
//! share one mount its loop device again, which is the same file system once more.
//!
//! What this crate must not know: VEs, what is in a file system, who may see it.

mod attach;
mod file_system;
mod lock;
mod make;
mod mount;
mod program;
mod resize;

pub use file_system::FileSystem;
pub use make::{Wish, make};
pub use mount::{Access, is_in_use, is_within, mount, mount_shared};
pub use resize::{fit, grow_mounted, resize, root_of_mounted, size, taken};
