//! What of a tree a copy has, and what the copy has come to.

/// How a tree is copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CopyOptions {
    /// Which attributes of the host's own are kept.
    pub trusted: Trusted,
    /// Which device nodes are made.
    pub devices: Devices,
    /// Whether files share their data with those that they are copies of.
    pub reflink: Reflink,
    /// Whether the copy is on the disk when the call returns.
    pub sync: bool,
}

/// Which attributes `trusted.*` are kept. All others are, with the exception of
/// those of `security.*` that the target's file system does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trusted {
    /// All but `trusted.overlay.*`, which no tree is to have that is no layer.
    NoLayers,
    /// All.
    Kept,
}

/// Which device nodes are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Devices {
    /// None; they are counted.
    Skipped,
    /// Those by which an overlay says that a name is gone (0:0); others are counted.
    Whiteouts,
    /// All.
    Kept,
}

/// Whether files of a copy share their data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reflink {
    /// Where the file system can.
    Auto,
    /// They do not.
    Never,
    /// They do, or the copy fails (EOPNOTSUPP, EXDEV).
    Required,
}

/// What has been copied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Copied {
    /// Names, the top not counted.
    pub entries: u64,
    /// Data, in bytes: what was shared and what was copied, holes not counted
    /// where the data was copied.
    pub bytes: u64,
    /// Files whose data is shared with the source's.
    pub reflinked: u64,
    /// Device nodes and attributes that were left out.
    pub skipped: u64,
}

impl CopyOptions {
    /// All that there is, data shared where the file system can, not synced.
    #[must_use]
    pub fn whole() -> Self {
        Self {
            trusted: Trusted::Kept,
            devices: Devices::Kept,
            reflink: Reflink::Auto,
            sync: false,
        }
    }

    /// The upper directory of an overlay, which speaks to it by attributes and nodes.
    #[must_use]
    pub fn layer() -> Self {
        Self::whole()
    }

    /// A tree as it is seen through an overlay, to be no layer.
    #[must_use]
    pub fn plain() -> Self {
        Self {
            trusted: Trusted::NoLayers,
            devices: Devices::Kept,
            ..Self::whole()
        }
    }
}
