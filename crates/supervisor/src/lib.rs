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
mod capacity;
mod clone;
mod console;
mod convert;
mod copy;
mod create;
mod destroy;
mod devices;
mod disk;
mod doctor;
mod error;
mod exec;
mod files;
mod guarantee;
mod health;
mod host;
mod inspect;
mod kill;
mod launcher;
mod layout;
mod look;
mod mounts;
mod net;
mod outcome;
mod parameters;
mod pause;
mod plan;
mod present;
mod pressure;
mod processes;
mod publish;
mod pull;
mod quota;
mod refusals;
mod rename;
mod report;
mod resolver;
mod set;
mod snapshot;
mod start;
mod stats;
mod stop;
mod storage;
mod sweep;
mod template;
mod trash;
mod tuning;
mod undo;
mod unit;
mod ve;
mod volume;
mod waiter;

pub use after_end::after_end;
pub use capacity::{Capacity, Given, Memory, capacity};
pub use clone::{CloneWish, Sharing, clone_ve};
pub use console::open_console;
pub use convert::convert;
pub use copy::{Copy, copy};
pub use create::{Wish, create};
pub use destroy::destroy;
pub use devices::Devices;
pub use doctor::{Checkup, checkup, enlarge};
pub use error::{Error, ErrorKind};
pub use exec::{Command, exec};
pub use files::Files;
pub use health::Health;
pub use host::Host;
pub use inspect::{Detail, Limits, Phase, Summary, all, detail, summary};
pub use kill::kill;
pub use look::{mount, unmount};
pub use net::{
    Connection, InterfacePlan, NetPlan, RulesPlan, account, connection, connections, repair,
};
pub use outcome::Done;
pub use parameters::{Parameter, When, parameters};
pub use pause::{pause, resume};
pub use plan::StartPlan;
pub use pressure::{is_busy, processors};
pub use processes::{Member, processes};
pub use publish::publish;
pub use pull::{Pull, Updated, name_of, pull, search, sweep_cache, update};
pub use quota::{QuotaOf, QuotaWish, Quoted, quotas, set_quota};
pub use refusals::Refusals;
pub use rename::rename;
pub use set::{Setting, set};
pub use snapshot::{
    Snapshot, SnapshotWish, create_snapshot, delete_snapshots, mount_snapshot, restore, run_due,
    snapshots, unmount_snapshot,
};
pub use start::{Wait, plan, start};
pub use stats::{Rates, Sample, host_memory, sample};
pub use stop::{Manner, Patience, Stopping, stop};
pub use storage::{LayoutHere, Storage, storage};
pub use template::{remove_template, template_garbage, users_of};
pub use trash::{TRASH, empty_in_background, empty_trash};
pub use ve::{LOCK_PATIENCE, Ve};
pub use veld_cgroups::{Pressure, Stall, Usage};
pub use veld_doctor::{Note, Reading, SAVED as SAVED_SETTINGS};
pub use veld_launch::{Copied, Progress};
pub use veld_network::Counters;
pub use veld_rootfs::{CopyWish, Given as CopyOwner};
pub use veld_storage::{Feature, Layout, Limit, Refusal as LayoutRefusal, Usage as DiskUsage};
pub use volume::{
    VolumeState, VolumeWish, all_volumes, create_volume, remove_volume, resize_volume, volume_state,
};
