//! The reasons for which an entry of an archive or a directory is refused.

/// Reads after "entry NAME".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The path starts with a slash.
    #[error("has an absolute path")]
    Absolute,
    /// A component of the path is `..`.
    #[error("has .. in its path")]
    DotDot,
    /// The path or a link's target has a NUL byte.
    #[error("has a NUL byte in its name")]
    Nul,
    /// The path is longer than the kernel takes.
    #[error("has a name that is too long")]
    LongName,
    /// The path has more components than one may hold descriptors.
    #[error("is nested deeper than {0} directories")]
    TooDeep(usize),
    /// A parent is a symbolic link.
    #[error("goes through the symbolic link {0}")]
    ThroughLink(String),
    /// Links lead to links, perhaps in a circle.
    #[error("goes through more than {0} symbolic links")]
    TooManyLinks(usize),
    /// Links whose targets have too many names, of one entry or of all together.
    #[error("goes through symbolic links with more than {0} names")]
    TooManyNames(u64),
    /// A parent is a file.
    #[error("goes through {0}, which is not a directory")]
    ThroughFile(String),
    /// It would take the place of a directory with something in it.
    #[error("would replace a directory that is not empty")]
    OverDirectory,
    /// The root directory itself is something else.
    #[error("is the root, but not a directory")]
    RootNotDirectory,
    /// A hard link to a path that is refused.
    #[error("is a hard link to {target}, which {why}")]
    LinkTarget {
        /// The path linked to.
        target: String,
        /// What is wrong with that path.
        why: Box<Refusal>,
    },
    /// A hard link to nothing.
    #[error("is a hard link to {0}, which is not there")]
    LinkMissing(String),
    /// A hard link to a directory.
    #[error("is a hard link to {0}, which is a directory")]
    LinkToDirectory(String),
    /// A symbolic link without a target, or with one too long.
    #[error("is a symbolic link whose target is empty or too long")]
    BadLinkTarget,
    /// The owner has no place in a VE's range of ids.
    #[error("belongs to {kind} {id}, above 65535")]
    Id {
        /// "user" or "group".
        kind: &'static str,
        /// The number.
        id: u64,
    },
    /// An access control list that cannot be read.
    #[error("has a malformed access control list")]
    Acl,
    /// An access control list names somebody whom the template does not know.
    #[error("has an access control list for the unknown {kind} {name}")]
    AclName {
        /// "user" or "group".
        kind: &'static str,
        /// The name.
        name: String,
    },
    /// More attributes, or larger ones, than an inode can hold.
    #[error("has extended attributes that are too many or too large")]
    Xattrs,
    /// Extension headers or names larger than any honest one.
    #[error("has an extension header of {0} bytes")]
    Extension(u64),
    /// A map of a sparse file that does not fit the file.
    #[error("has a malformed sparse map")]
    SparseMap,
    /// A number in the header that cannot be read.
    #[error("has a malformed {0} field")]
    Field(&'static str),
    /// A kind of entry that nobody knows.
    #[error("is of the unknown type {0:?}")]
    Type(char),
    /// The whole is larger than allowed.
    #[error("makes the template larger than {0} bytes")]
    TooLarge(u64),
    /// The whole has more entries than allowed.
    #[error("makes the template larger than {0} entries")]
    TooMany(u64),
    /// The root directory is in the archive twice: two trees in one.
    #[error("is a second root directory")]
    SecondRoot,
    /// The name of a whiteout names nothing that could be taken away.
    #[error("is a whiteout of no name")]
    Whiteout,
    /// A whiteout that has entries in it.
    #[error("is below a whiteout")]
    BelowWhiteout,
    /// A source directory in which the templates directory lies.
    #[error("is the templates directory itself")]
    Store,
    /// A source file became shorter while it was read.
    #[error("changed while it was read")]
    Changed,
}
