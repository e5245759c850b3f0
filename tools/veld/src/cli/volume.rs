//! What may be said of volumes.

use clap::{Args, Subcommand};
use veld_config::VolumeName;
use veld_supervisor::Layout;
use veld_units::Bytes;

/// How a VE gets one.
pub(super) const VOLUMES: &str = "\
veld set web1 mount+=volume:NAME:/TARGET[:ro] mounts one in a VE; owners on it are the VE's own
users, and the same for all VEs that have it. It stays when they are destroyed.";

/// What an image can.
const RESIZE: &str = "\
An image grows while VEs use it if the kernel lets it, and becomes smaller only while none does;
one of xfs never does.";

#[derive(Debug, Subcommand)]
pub(crate) enum Volume {
    /// Make an empty volume.
    Create(VolumeCreate),
    /// List volumes, and the VEs that use them.
    List(VolumeList),
    /// Show all about a volume.
    Show(VolumeShow),
    /// Give a volume another size.
    #[command(after_help = RESIZE)]
    Resize(VolumeResize),
    /// Remove volumes that no VE uses, with all their files.
    Remove(VolumeRemove),
}

#[derive(Debug, Args)]
pub(crate) struct VolumeCreate {
    /// Name of the new volume: at most 63 of a-z, 0-9 and -.
    pub(crate) name: VolumeName,
    /// How much it may hold, as 10G; what the disk holds unless given.
    #[arg(long)]
    pub(crate) size: Option<Bytes>,
    /// btrfs, image or directory; what can hold it to its size here unless given.
    #[arg(long, value_parser = super::layout)]
    pub(crate) layout: Option<Layout>,
}

#[derive(Debug, Args)]
pub(crate) struct VolumeList {
    /// As JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct VolumeShow {
    /// Name of the volume.
    pub(crate) name: VolumeName,
    /// As JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct VolumeResize {
    /// Name of the volume.
    pub(crate) name: VolumeName,
    /// How much it may hold, as 20G.
    pub(crate) size: Bytes,
}

#[derive(Debug, Args)]
pub(crate) struct VolumeRemove {
    /// Names of volumes.
    #[arg(value_name = "NAME", required = true)]
    pub(crate) names: Vec<VolumeName>,
}
