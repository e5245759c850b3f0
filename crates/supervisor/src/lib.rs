//! Actions on VEs, composed of the leaf crates: what `veld` does, without its
//! command line and its printing.
//!
//! ```text
//!          create            start              (shim)
//!   none ---------> stopped -------> running ----------> stopped
//!    ^                 |   sweep <------ any crash          |
//!    +----- destroy ---+------------------------------------+
//! ```
//!
//! An action takes the VE's lock, looks at what is really there, sweeps what a
//! crash left, and then takes its steps, each with its undo. Which state a VE
//! is in is asked of the kernel each time. One that ended by itself may be started
//! again, at once or after a wait (`after_end`).
//!
//! What this crate must not do: a system call of its own, print, or know how a
//! leaf does its work.

mod after_end;
mod backoff;
mod console;
mod create;
mod destroy;
mod error;
mod exec;
mod health;
mod host;
mod inspect;
mod kill;
mod launcher;
mod outcome;
mod plan;
mod pressure;
mod refusals;
mod report;
mod resolver;
mod start;
mod stop;
mod sweep;
mod template;
mod undo;
mod ve;
mod waiter;

pub use after_end::after_end;
pub use console::open_console;
pub use create::{Wish, create};
pub use destroy::destroy;
pub use error::{Error, ErrorKind};
pub use exec::{Command, exec};
pub use health::Health;
pub use host::Host;
pub use inspect::{Detail, Limits, Phase, Summary, all, detail, summary};
pub use kill::kill;
pub use outcome::Done;
pub use plan::StartPlan;
pub use pressure::{is_busy, processors};
pub use refusals::Refusals;
pub use start::{Wait, plan, start};
pub use stop::{Manner, Patience, Stopping, stop};
pub use template::{remove_template, users_of};
pub use ve::{LOCK_PATIENCE, Ve};
