//! Where a VE lives on disk: made whole or not at all, gone whole or not at all.
//!
//! ```text
//! DATA/ve/NAME/       0700, the VE
//!   id                its number
//!   config.toml       written by whoever composes
//!   private/          0700, a part: its files, in one of several layouts
//!   private.next/     a part in the making, or the one before
//!   snapshots/ID/     part/ as it was then, and what belongs to it
//! DATA/ve/.NAME.new/  a creation that is not done
//! DATA/ve/.NAME.gone/ a removal that is not done
//! DATA/layers/LAYER/  a frozen layer, which several stand on
//! DATA/volumes/NAME/  a volume, a part that several may have mounted
//! ```
//!
//! The directory appears by a rename and goes by a rename, and what is in it changes
//! by an exchange of names. What a crash leaves begins with a dot, is never taken for
//! a VE and is swept by the next creation or removal of that name; or is settled by
//! the next command that has the VE's lock.
//!
//! What this crate must not know: what the config says, whether the VE runs, where
//! templates are kept, how anything of it is mounted for a VE.

mod area;
mod below;
mod device;
mod dir;
mod kept;
mod kind;
mod layers;
mod layout;
mod next;
mod project;
mod record;
mod removal;
mod renaming;
mod snapshot;
mod trash;
mod volume;

pub use area::{Area, Making, names};
pub use below::{Base, Below, LayerId};
pub use device::devices;
pub use kept::{forget, kept_of_none};
pub use kind::of as kind_of;
pub use layers::{Layers, User};
pub use layout::{
    Feature, Layout, Limit, MOST_LAYERS, Refusal, Root, Stack, Template, Usage, Wish,
};
pub use record::Record;
pub use renaming::renamed_to;
pub use snapshot::SnapshotMaking;
pub use trash::Trash;
pub use veld_images::{FileSystem, is_within, root_of_mounted};
pub use volume::{NewVolume, Volume, VolumeLock, Volumes};
