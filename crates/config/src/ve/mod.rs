//! The config of one VE: config.toml in its folder.
//!
//! Text becomes a [`VeConfig`] only whole and valid ([`VeConfig::parse`]). Back
//! into text there are two ways: a new file with a header that says what it is
//! ([`VeConfig::to_toml`]), and an edit of the file that is there, which keeps
//! the comments and the order of the person who wrote it ([`VeConfig::update`]).
//!
//! What a VE is found by, its name and its number ([`crate::VeId`]), is not in
//! it: a VE can be stopped and destroyed while its config is nonsense, and a
//! copy that a person may edit could only disagree.

mod conflicts;
mod edit;
mod key;
mod settings;

use std::collections::BTreeMap;
use std::path::Path;

pub use key::{Assignment, Key, OPENVZ_WORDS};

use veld_durable::Life;
use veld_units::{Bytes, Count, CpuUnits, Percent};

use crate::document::{Document, Parameter};
use crate::parameter::{CpuList, Rlimit};
use crate::{
    Cgroup, ConfigError, DeviceAccess, ErrorKind, Hostname, Init, Mount, Network, RestartPolicy,
    Schedule, TemplateName, Uuid, VeName, file,
};

/// The format that this crate writes, and the latest that it reads.
pub(crate) const VERSION: u32 = 1;

/// What an administrator has set for a VE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VeConfig {
    /// What it is, on whatever host.
    pub uuid: Uuid,
    /// The template that its root is made of.
    pub template: TemplateName,
    /// Its host name when it starts.
    pub hostname: Hostname,
    /// Whether it starts with the host.
    pub onboot: bool,
    /// Its place among those that do: the least are first.
    pub bootorder: i32,
    /// After which ends it is started again.
    pub restart: RestartPolicy,
    /// How its services are brought up.
    pub init: Init,
    /// Whether the distribution's getty units and lines run too.
    pub getty: bool,
    /// What it finds of cgroups.
    pub cgroup: Cgroup,
    /// Devices that it may use besides those that every VE may.
    pub devices: Vec<DeviceAccess>,
    /// What it may use.
    pub resources: Resources,
    /// Limits of each of its processes, by the names of prlimit(1).
    pub rlimits: BTreeMap<&'static str, Rlimit>,
    /// How far each of its users may fill tables of the kernel, by name.
    pub kernel: BTreeMap<&'static str, u32>,
    /// How it is connected.
    pub network: Network,
    /// What it has on disk, and what is mounted in it.
    pub storage: Storage,
}

/// What a VE has on disk, and what is mounted in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Storage {
    /// What it may have on disk.
    pub disk: Option<Bytes>,
    /// How many inodes it may have.
    pub inodes: Option<u64>,
    /// What is mounted in it besides its root.
    pub mounts: Vec<Mount>,
    /// When snapshots of it are made by themselves.
    pub snapshots: Vec<Schedule>,
}

/// What a VE may use; what is absent is not limited.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Resources {
    /// Memory.
    pub ram: Option<Bytes>,
    /// Memory that is never taken from it for others.
    pub ram_guarantee: Option<Bytes>,
    /// Memory that is taken from it last.
    pub ram_low: Option<Bytes>,
    /// Memory above which it is slowed down and reclaimed from.
    pub ram_high: Option<Bytes>,
    /// Swap space besides the memory; 0 is none.
    pub swap: Option<Bytes>,
    /// Swap space above which it is slowed down.
    pub swap_high: Option<Bytes>,
    /// CPUs that it sees.
    pub cpus: Option<Count>,
    /// Which of the host's those are taken from.
    pub cpumask: Option<CpuList>,
    /// Weight against other VEs.
    pub cpuunits: Option<CpuUnits>,
    /// CPU time at most, in per cent of one CPU.
    pub cpulimit: Option<Percent>,
    /// Processes and threads.
    pub processes: Option<Count>,
    /// Weight of its disk time against other VEs.
    pub ioweight: Option<Count>,
    /// Bytes a second, reading and writing each.
    pub iolimit: Option<Bytes>,
    /// Operations a second, reading and writing each.
    pub iopslimit: Option<Count>,
    /// Huge pages of each size.
    pub hugepages: Option<Bytes>,
    /// What is added to the badness of its processes when memory is out.
    pub oom_score_adj: Option<i32>,
}

impl VeConfig {
    /// A VE with nothing set but what it must have.
    ///
    /// Its host name is its name's, its network routed and without an address.
    #[must_use]
    pub fn new(uuid: Uuid, template: TemplateName, name: &VeName) -> Self {
        Self {
            uuid,
            template,
            hostname: Hostname::of(name),
            onboot: false,
            bootorder: 0,
            restart: RestartPolicy::default(),
            init: Init::default(),
            getty: false,
            cgroup: Cgroup::default(),
            devices: Vec::new(),
            resources: Resources::default(),
            rlimits: BTreeMap::new(),
            kernel: BTreeMap::new(),
            network: Network::default(),
            storage: Storage::default(),
        }
    }

    /// Reads the config file at `path`.
    ///
    /// # Errors
    /// [`ErrorKind::Missing`] and [`ErrorKind::File`] of the file,
    /// [`ErrorKind::Newer`] of its version, and all that is wrong in it as one
    /// [`ErrorKind::Invalid`].
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        Self::parse(path, &file::read(path)?)
    }

    /// Validates the text of a config file; `file` is only for the errors.
    ///
    /// # Errors
    /// [`ErrorKind::Newer`] and [`ErrorKind::Invalid`] as of [`VeConfig::load`].
    pub fn parse(file: &Path, text: &str) -> Result<Self, ConfigError> {
        let document = Document::parse(file, text)?;
        if let Some(problem) = document.newer_than(VERSION) {
            return Err(ConfigError::Newer(problem));
        }
        let mut raw = Raw::default();
        let parameters: Vec<&Parameter<Raw>> =
            settings::all().map(|setting| &setting.parameter).collect();
        document.read(&parameters, &mut raw)?;
        let Some(config) = raw.complete() else {
            unreachable!("a document without a required key was refused");
        };
        let problems = conflicts::conflicts(&config, Some(file));
        if problems.is_empty() {
            Ok(config)
        } else {
            Err(ConfigError::Invalid(problems))
        }
    }

    /// The text of a new config file, with comments that say what it is.
    #[must_use]
    pub fn to_toml(&self) -> String {
        edit::new_file(self)
    }

    /// The text of a config file after it is edited to say what `self` says:
    /// comments, order and spelling of all that did not change are kept.
    ///
    /// # Errors
    /// `text` is not valid, or `self` holds what no file may say, as a RAM of
    /// one byte.
    pub fn update(&self, file: &Path, text: &str) -> Result<String, ConfigError> {
        let old = Self::parse(file, text)?;
        let edited = edit::edit(file, text, &old, self)?;
        // A pair stood for two keys, of which one is written by itself now.
        let now = Self::parse(file, &edited)?;
        let edited = edit::edit(file, &edited, &now, self)?;
        Self::parse(file, &edited).map(|_| edited)
    }

    /// Writes the config to `path`: edits the file there, or makes a new one.
    ///
    /// # Errors
    /// Those of [`VeConfig::update`], and of reading and writing the file.
    pub fn save(&self, path: &Path) -> Result<(), ConfigError> {
        let text = match file::read(path) {
            Ok(text) => self.update(path, &text)?,
            Err(error) if error.kind() == ErrorKind::Missing => {
                let text = self.to_toml();
                Self::parse(path, &text)?;
                text
            }
            Err(error) => return Err(error),
        };
        veld_durable::replace(path, text.as_bytes(), Life::Durable)?;
        Ok(())
    }
}

/// A config while its file is read: what must be there is not there yet.
#[derive(Debug, Default)]
struct Raw {
    uuid: Option<Uuid>,
    template: Option<TemplateName>,
    hostname: Option<Hostname>,
    onboot: bool,
    bootorder: i32,
    restart: RestartPolicy,
    init: Init,
    getty: bool,
    cgroup: Cgroup,
    devices: Vec<DeviceAccess>,
    resources: Resources,
    rlimits: BTreeMap<&'static str, Rlimit>,
    kernel: BTreeMap<&'static str, u32>,
    network: Network,
    storage: Storage,
}

impl Raw {
    /// The config, where all that must be there is.
    fn complete(self) -> Option<VeConfig> {
        Some(VeConfig {
            uuid: self.uuid?,
            template: self.template?,
            hostname: self.hostname?,
            onboot: self.onboot,
            bootorder: self.bootorder,
            restart: self.restart,
            init: self.init,
            getty: self.getty,
            cgroup: self.cgroup,
            devices: self.devices,
            resources: self.resources,
            rlimits: self.rlimits,
            kernel: self.kernel,
            network: self.network,
            storage: self.storage,
        })
    }
}

#[cfg(test)]
mod tests;
