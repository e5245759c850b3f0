//! What is on record of a VE while it runs and after, and what the kernel says
//! of it now.
//!
//! The run directory of a VE (`/run/veld/NAME`) means nothing after a reboot of
//! the host. Files in it are hints: whether PID 1 lives is asked of a pidfd,
//! and a record is believed only if that process was born when the record says.
//!
//! ```text
//! lock  record  ready  status  stopping  stopping-inside  paused  answered  traffic
//! counts  console.sock  stage/
//!    from start to end of a run; `lock` stays
//! restarting
//!    from the end of a run to the next that follows by itself
//! ended  failure  refusals  console.log  console.log.1
//!    until the next start, for people to read
//! events  events.1
//!    until the VE is destroyed, for people to read
//! ```
//!
//! What this crate must not know: what a VE is made of, how it is started or
//! stopped, cgroups, namespaces.

mod account;
mod activity;
mod claims;
mod event_log;
mod ids;
mod observe;
mod process;
mod record;
mod restarting;
mod run_dir;
mod task;
mod wait;

pub use account::{Account, Month};
pub use activity::{Activity, activity, command_lines};
pub use claims::{Claim, Claims};
pub use ids::Ids;
pub use observe::{Observed, Running, Stopped, found, glance, observe};
pub use process::{Process, parents_of_zombies, signals_handled};
pub use record::Record;
pub use restarting::Restarting;
pub use run_dir::{RunDir, Still};
pub use task::{Task, tasks};
pub use wait::{Awaited, ended, file_or_end};
