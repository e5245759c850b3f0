//! OS templates: unpacked root directories with a manifest each, shared read-only
//! by all VEs that are made of them.
//!
//! ```text
//! DIR/NAME/root/           the tree; ids on disk are 0..65535, as in the archive
//! DIR/NAME/manifest.toml   digest, source, os-release, init, sizes
//! DIR/.NAME.lock           there while somebody holds the name
//! DIR/.NAME.new/ .tmp/ .gone/   in the making, a builder's files, going away
//! ```
//!
//! `NAME` is 0700 of root: the tree has set-user-id programs of whatever age, which
//! are no business of the host's users.
//!
//! What an archive or a source directory says is believed of nothing but its own
//! tree: paths are walked one component at a time below the root's descriptor and
//! through no link, sizes and counts are bounded before they are used, and device
//! nodes are not made. Either a template is there, whole and on the disk, or
//! nothing of it is.
//!
//! What this crate must not know: VEs (the caller says who uses a template), where
//! templates are kept, and how progress is shown.

mod acl;
mod archive;
mod build;
mod copy;
mod elf;
mod error;
mod import;
mod init_kind;
mod limits;
mod lock;
mod manifest;
mod meta;
mod name;
mod os_release;
mod path;
mod progress;
mod refusal;
mod root;
mod stage;
mod store;
mod stream;
mod system;
mod tree;
mod unpack;
mod xattr;

pub use build::{BuildInit, BuildOptions};
pub use error::Error;
pub use import::{ImportOptions, Source};
pub use init_kind::architecture;
pub use limits::Limits;
pub use lock::SharedLock;
pub use manifest::Manifest;
pub use name::check as check_name;
pub use os_release::OsRelease;
pub use progress::{Progress, Watch};
pub use refusal::Refusal;
pub use store::{Listing, Store, Template};
