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

mod edit;
mod settings;

use std::net::IpAddr;
use std::path::Path;

use veld_durable::Life;
use veld_units::{Bytes, Count, CpuUnits, Percent};

use crate::document::{Document, Parameter};
use crate::{
    ConfigError, DeviceAccess, Dns, ErrorKind, Hostname, Init, Mode, RestartPolicy, TemplateName,
    Uuid, VeName, file,
};
use settings::SETTINGS;

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
    /// Devices that it may use besides those that every VE may.
    pub devices: Vec<DeviceAccess>,
    /// What it may use.
    pub resources: Resources,
    /// How it is connected.
    pub network: Network,
}

/// What a VE may use; what is absent is not limited.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Resources {
    /// Memory.
    pub ram: Option<Bytes>,
    /// Swap space besides the memory; 0 is none.
    pub swap: Option<Bytes>,
    /// CPUs that it sees.
    pub cpus: Option<Count>,
    /// Weight against other VEs.
    pub cpuunits: Option<CpuUnits>,
    /// CPU time at most, in per cent of one CPU.
    pub cpulimit: Option<Percent>,
    /// Processes and threads.
    pub processes: Option<Count>,
}

/// How a VE is connected.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Network {
    /// By what kind of link.
    pub mode: Mode,
    /// Its addresses, the one it speaks from first.
    pub ip: Vec<IpAddr>,
    /// Its name servers; empty is what the host's config says.
    pub dns: Vec<Dns>,
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
            devices: Vec::new(),
            resources: Resources::default(),
            network: Network::default(),
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
            SETTINGS.iter().map(|setting| &setting.parameter).collect();
        document.read(&parameters, &mut raw)?;
        let Some(config) = raw.complete() else {
            unreachable!("a document without a required key was refused");
        };
        Ok(config)
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
    devices: Vec<DeviceAccess>,
    resources: Resources,
    network: Network,
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
            devices: self.devices,
            resources: self.resources,
            network: self.network,
        })
    }
}

#[cfg(test)]
mod tests;
