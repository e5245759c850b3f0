//! What of a host is too small for how many guests, and what is in their way.
//!
//! The kernel has tables and numbers that all guests of a host share, and sizes that
//! suit a host without guests. Each is a row of one table ([`limits`]): how much of it
//! the host wants for itself, and how much a guest takes. What is too small for a number
//! of guests can be raised, now and for later boots ([`raise()`]). Besides there are things
//! that only an administrator can judge ([`notes`]): firewalls, switches, programs and
//! parts of the kernel. Those are told of and never changed.
//!
//! Nothing is changed by looking.
//!
//! What this crate must not know: VEs, which there are, and how the product uses what
//! it looks at.

mod feature;
mod firewall;
mod limit;
mod note;
mod program;
mod raise;
mod switch;

pub use limit::{Reading, limits};
pub use note::{Note, notes};
pub use raise::raise;

/// Where the settings are kept that are to hold after a boot.
pub const SAVED: &str = "/etc/sysctl.d/60-veld.conf";
