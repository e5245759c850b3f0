//! What an administrator may set, for a VE and for the host.
//!
//! Two kinds of file, both TOML that a person edits: [`VeConfig`] (config.toml
//! of a VE) and [`HostConfig`] (veld.toml). Each is read through a table with
//! one row per key: the row has the name, the validator and the
//! way back into a file. All that is wrong in a file is reported at once, each
//! with file, line, key and what is allowed ([`ConfigError`]). A value that came
//! through is of a type that cannot hold a wrong one ([`VeName`], [`Hostname`],
//! [`veld_units::Bytes`]), so nobody behind this crate validates again.
//!
//! The validators serve the command line too: every type here has `FromStr`,
//! and numbers whose range depends on the parameter are read by a function of
//! [`parameter`]. So `--ram 12Q` and `ram = "12Q"` are refused in the same words.
//!
//! What this crate must not know: the kernel, which VEs exist, whether one runs.

mod device;
mod document;
mod error;
mod file;
mod host;
mod hostname;
mod invalid;
mod mount;
mod name;
mod network;
pub mod parameter;
mod schedule;
mod snapshot_name;
mod template;
mod uuid;
mod ve;

pub use device::{DeviceAccess, DeviceName};
pub use error::{ConfigError, ErrorKind, Problem};
pub use host::{
    Group, HostConfig, HostNetwork, HostStorage, Paths, Pool, Remote, RemoteKind, RemoteName,
};
pub use hostname::Hostname;
pub use invalid::Invalid;
pub use mount::{Mount, MountSource, VolumeName};
pub use name::{VeId, VeName, VeRef};
pub use network::{
    Direction, GroupName, Interface, Ip, LinkName, Mac, Matched, Network, Over, Policy, PoolName,
    Protocol, Publish, Rule, Slot, Traffic, Verdict,
};
pub use parameter::{Cgroup, Dns, Init, InitWay, Mode, RestartPolicy};
pub use schedule::{Keep, Period, Schedule};
pub use snapshot_name::SnapshotName;
pub use template::TemplateName;
pub use uuid::Uuid;
pub use ve::{Assignment, Key, OPENVZ_WORDS, Resources, Storage, VeConfig};

#[cfg(test)]
mod fuzz;
