//! Where a VE lives on disk: made whole or not at all, gone whole or not at all.
//!
//! ```text
//! DIR/NAME/           0700, the VE
//!   id                its number
//!   config.toml       written by whoever composes
//!   private/          0700
//!     upper/ work/    layers of the overlay; ids as the VE sees them
//! DIR/.NAME.new/      a creation that is not done
//! DIR/.NAME.gone/     a removal that is not done
//! ```
//!
//! The directory appears by a rename and goes by a rename. What a crash leaves
//! begins with a dot, is never taken for a VE and is swept by the next creation
//! or removal of that name.
//!
//! What this crate must not know: what the config says, whether the VE runs.

mod area;
mod device;
mod record;
mod removal;
mod renaming;

pub use area::{Area, Making, names};
pub use device::devices;
pub use record::Record;
pub use renaming::renamed_to;
