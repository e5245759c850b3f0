//! What each layout can do, for those who choose one.

use std::path::Path;

use super::{Layout, Limit};
use crate::kind;

/// Something that one layout can do and another cannot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feature {
    /// What holds a VE to its `disk`.
    Disk,
    /// What holds it to its `inodes`.
    Inodes,
    /// What `df` shows inside.
    Df,
    /// What a snapshot costs.
    Snapshots,
    /// What a linked clone costs.
    Clones,
    /// Whether VEs of one template share its pages in memory.
    Cache,
    /// When it can be given more.
    Grow,
    /// When it can be given less.
    Shrink,
}

impl Feature {
    /// All of them, in the order of a table.
    pub const ALL: [Self; 8] = [
        Self::Disk,
        Self::Inodes,
        Self::Df,
        Self::Snapshots,
        Self::Clones,
        Self::Cache,
        Self::Grow,
        Self::Shrink,
    ];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Disk => "disk",
            Self::Inodes => "inodes",
            Self::Df => "df",
            Self::Snapshots => "snapshots",
            Self::Clones => "clones",
            Self::Cache => "page cache",
            Self::Grow => "grow",
            Self::Shrink => "shrink",
        }
    }
}

impl Layout {
    /// What it does about a feature in a directory, in a word or two: "no" where it does
    /// nothing.
    #[must_use]
    pub fn feature(self, dir: &Path, feature: Feature) -> String {
        let shares = ["btrfs", "xfs"].contains(&kind::of(dir).as_str());
        self.on(shares, feature, |limit| self.holds(dir, limit).is_ok())
            .to_owned()
    }

    /// The same, where the file system does share blocks of files or does not.
    #[must_use]
    pub fn on(self, shares: bool, feature: Feature, holds: impl Fn(Limit) -> bool) -> &'static str {
        let copy = if shares { "shared blocks" } else { "full copy" };
        match (feature, self) {
            (Feature::Disk, _) if !holds(Limit::Disk) => "no",
            (Feature::Inodes, _) if !holds(Limit::Inodes) => "no",
            (Feature::Disk, Self::Image) => "its size",
            (Feature::Inodes, Self::Image) => "ext4, at creation",
            (Feature::Disk | Feature::Inodes, Self::Btrfs) => "quota",
            (Feature::Disk | Feature::Inodes, _) => "project quota",
            (Feature::Df, Self::Image) => "the VE's",
            (Feature::Df, Self::Overlay | Self::Directory) if holds(Limit::Disk) => "the limit",
            (Feature::Df, _) => "the host's",
            (Feature::Snapshots, Self::Overlay) => "instant, a copy while it runs",
            (Feature::Snapshots | Feature::Clones, Self::Btrfs) => "instant",
            (Feature::Clones, Self::Overlay) => "instant",
            (Feature::Snapshots | Feature::Clones, Self::Image | Self::Directory) => copy,
            (Feature::Cache, Self::Overlay) => "shared",
            (Feature::Cache, _) => "of each VE",
            (Feature::Shrink, Self::Image) => "ext4, stopped",
            (Feature::Grow | Feature::Shrink, _) if holds(Limit::Disk) => "live",
            (Feature::Grow | Feature::Shrink, _) => "no",
        }
    }
}
