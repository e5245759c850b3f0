//! The config of the host: veld.toml. All of it has defaults, so that no file
//! is needed.

mod remote;
mod settings;
mod shared;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use ipnetwork::{Ipv4Network, Ipv6Network};
use veld_units::{Bytes, Quoted, Timespan};

use crate::document::{Document, Parameter};
use crate::{
    ConfigError, Dns, ErrorKind, GroupName, Invalid, PoolName, Problem, TemplateName, VeId, VeName,
    file, parameter,
};
use remote::RawRemote;
pub use remote::{Remote, RemoteKind, RemoteName};
use settings::PARAMETERS;
use shared::RawPool;
pub use shared::{Group, Pool};

/// Where the file is, unless `VELD_CONFIG` says otherwise.
const DEFAULT_FILE: &str = "/etc/veld/veld.toml";
/// Where the programs beside the command are when it cannot tell where it is.
const DEFAULT_LIBEXEC: &str = "/usr/local/libexec/veld";
/// User ids, and group ids, of each VE.
pub(crate) const IDS_PER_VE: u32 = 65_536;

/// What an administrator has set for the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostConfig {
    /// Where things are.
    pub paths: Paths,
    /// The cgroup below which every VE has its own, right below the root of each
    /// hierarchy: one name of a directory, never a path. Where none is chosen it
    /// depends on who else has a say about the hierarchies.
    pub cgroup_parent: Option<String>,
    /// How much memory may be guaranteed to all VEs that run, in per cent of the
    /// host's.
    pub overcommit_percent: u32,
    /// The first user id of the first VE's range: a multiple of 65,536.
    pub first_uid: u32,
    /// What the VEs' addresses, name servers and links come from.
    pub network: HostNetwork,
    /// Further pools of addresses.
    pub pools: BTreeMap<PoolName, Pool>,
    /// Groups of VEs that have a policy in common.
    pub groups: BTreeMap<GroupName, Group>,
    /// Servers that templates are pulled from.
    pub remotes: BTreeMap<RemoteName, Remote>,
    /// How files of VEs are kept.
    pub storage: HostStorage,
    /// How long a start may take.
    pub start_timeout: Timespan,
    /// How long a stop waits for the VE to end by itself.
    pub stop_timeout: Timespan,
}

/// Where things are on the host; each is absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// What outlives a reboot: VEs and templates.
    pub data: PathBuf,
    /// What does not: locks, records of running VEs, consoles.
    pub run: PathBuf,
    /// The shim and the init.
    pub libexec: PathBuf,
    /// The templates.
    pub templates: PathBuf,
}

/// How files of VEs are kept for which nothing else is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostStorage {
    /// The name of a layout.
    pub layout: &'static str,
    /// The name of the file system of images.
    pub image_fs: &'static str,
    /// What an image holds of a VE without a limit of its own.
    pub image_size: Bytes,
    /// The project quota of ext4 and xfs: from here on projects are the VEs'.
    pub first_project: u32,
}

/// What the VEs' addresses, name servers and links come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostNetwork {
    /// IPv4 addresses for VEs that are not given one.
    pub pool4: Ipv4Network,
    /// IPv6 addresses for VEs that are not given one.
    pub pool6: Ipv6Network,
    /// Name servers of VEs that are not given one.
    pub dns: Vec<Dns>,
    /// What the names of the VEs' links on the host begin with.
    pub link_prefix: String,
}

impl HostConfig {
    /// Reads the host's config: the file that the environment's `VELD_CONFIG`
    /// names, which must then exist, or /etc/veld/veld.toml, which need not.
    /// `VELD_LIBEXEC` goes before `paths.libexec`.
    ///
    /// # Errors
    /// [`ErrorKind::Missing`] and [`ErrorKind::File`] of the file, and all that
    /// is wrong in it, or in one of the two variables, as [`ErrorKind::Invalid`].
    pub fn load() -> Result<Self, ConfigError> {
        Self::load_from(|variable| std::env::var_os(variable))
    }

    /// Validates the text of veld.toml; `file` is only for the errors.
    ///
    /// # Errors
    /// All that is wrong in it, as [`ErrorKind::Invalid`].
    pub fn parse(file: &Path, text: &str) -> Result<Self, ConfigError> {
        let document = Document::parse(file, text)?;
        let mut raw = Raw::default();
        let parameters: Vec<&Parameter<Raw>> = PARAMETERS.iter().collect();
        document.read(&parameters, &mut raw)?;
        let mut problems = remote::conflicts(raw.remotes.iter(), file);
        let config = raw.complete();
        problems.extend(shared::overlaps(&config, file));
        if problems.is_empty() {
            Ok(config)
        } else {
            Err(ConfigError::Invalid(problems))
        }
    }

    /// The folder of a VE.
    #[must_use]
    pub fn ve_dir(&self, name: &VeName) -> PathBuf {
        self.ves_dir().join(name)
    }

    /// The folder of all VEs.
    #[must_use]
    pub fn ves_dir(&self) -> PathBuf {
        self.paths.data.join("ve")
    }

    /// The config file of a VE.
    #[must_use]
    pub fn ve_config(&self, name: &VeName) -> PathBuf {
        self.ve_dir(name).join("config.toml")
    }

    /// The folder of what is known of a running VE.
    #[must_use]
    pub fn run_dir(&self, name: &VeName) -> PathBuf {
        self.paths.run.join(name)
    }

    /// The folder of a template.
    #[must_use]
    pub fn template_dir(&self, name: &TemplateName) -> PathBuf {
        self.paths.templates.join(name)
    }

    /// The first of the 65,536 user ids, and group ids, of a VE.
    ///
    /// # Errors
    /// [`Invalid::NoRange`] where the range would reach the last 65,536 ids of
    /// all, in which -1, "no id", is.
    pub fn uid_of(&self, id: VeId) -> Result<u32, Invalid> {
        let ranges_before_last =
            (u32::MAX / IDS_PER_VE).saturating_sub(self.first_uid / IDS_PER_VE);
        if id.get() > ranges_before_last {
            return Err(Invalid::NoRange {
                id: id.get(),
                first: self.first_uid,
                last: ranges_before_last,
            });
        }
        // At most u32::MAX / 65,536 ranges lie below, so neither can overflow.
        Ok(self.first_uid + (id.get() - 1) * IDS_PER_VE)
    }

    fn load_from(environment: impl Fn(&str) -> Option<OsString>) -> Result<Self, ConfigError> {
        let named = variable_path(&environment, "VELD_CONFIG")?;
        let libexec = variable_path(&environment, "VELD_LIBEXEC")?;
        let path = named.as_deref().unwrap_or(Path::new(DEFAULT_FILE));
        let text = match file::read(path) {
            Ok(text) => text,
            // A file that somebody named is not to be replaced by defaults in silence.
            Err(error) if error.kind() == ErrorKind::Missing && named.is_none() => String::new(),
            Err(error) => return Err(error),
        };
        let mut config = Self::parse(path, &text)?;
        if let Some(libexec) = libexec {
            config.paths.libexec = libexec;
        }
        Ok(config)
    }
}

/// The defaults, as of an empty file.
impl Default for HostConfig {
    fn default() -> Self {
        Raw::default().complete()
    }
}

/// The absolute path in a variable; an empty one is as good as none.
fn variable_path(
    environment: impl Fn(&str) -> Option<OsString>,
    variable: &str,
) -> Result<Option<PathBuf>, ConfigError> {
    let Some(value) = environment(variable).filter(|value| !value.is_empty()) else {
        return Ok(None);
    };
    let refused = |what: String| {
        ConfigError::one(Problem {
            file: None,
            line: None,
            key: Some(variable.to_owned()),
            what,
        })
    };
    let Some(text) = value.to_str() else {
        let lossy = value.to_string_lossy();
        return Err(refused(format!("{} is not UTF-8", Quoted(&lossy))));
    };
    parameter::absolute_path(text)
        .map(Some)
        .map_err(|invalid| refused(invalid.to_string()))
}

/// PREFIX/libexec/veld for the program PREFIX/bin/NAME that runs now.
///
/// # Kernel
/// proc_pid_exe(5), which follows the program when it is moved or replaced.
fn libexec_beside_program() -> PathBuf {
    let program = std::env::current_exe().ok();
    let prefix = program.as_deref().and_then(|path| path.parent()?.parent());
    prefix.map_or_else(
        || PathBuf::from(DEFAULT_LIBEXEC),
        |prefix| prefix.join("libexec/veld"),
    )
}

/// A config while its file is read: what follows from another key is not there yet.
#[derive(Debug)]
struct Raw {
    data: PathBuf,
    run: PathBuf,
    libexec: Option<PathBuf>,
    templates: Option<PathBuf>,
    cgroup_parent: Option<String>,
    overcommit: u32,
    first_uid: u32,
    network: HostNetwork,
    pools: BTreeMap<PoolName, RawPool>,
    groups: BTreeMap<GroupName, Group>,
    remotes: BTreeMap<RemoteName, RawRemote>,
    storage: HostStorage,
    start_timeout: Timespan,
    stop_timeout: Timespan,
}

impl Default for Raw {
    fn default() -> Self {
        Self {
            data: PathBuf::from("/var/lib/veld"),
            run: PathBuf::from("/run/veld"),
            libexec: None,
            templates: None,
            cgroup_parent: None,
            overcommit: 100,
            first_uid: 1_879_048_192,
            network: settings::default_network(),
            pools: BTreeMap::new(),
            groups: BTreeMap::new(),
            remotes: BTreeMap::new(),
            storage: settings::default_storage(),
            start_timeout: Timespan::seconds(90),
            stop_timeout: Timespan::seconds(60),
        }
    }
}

impl Raw {
    fn complete(self) -> HostConfig {
        let templates = self
            .templates
            .unwrap_or_else(|| self.data.join("templates"));
        HostConfig {
            paths: Paths {
                templates,
                data: self.data,
                run: self.run,
                libexec: self.libexec.unwrap_or_else(libexec_beside_program),
            },
            cgroup_parent: self.cgroup_parent,
            overcommit_percent: self.overcommit,
            first_uid: self.first_uid,
            network: self.network,
            pools: self
                .pools
                .into_iter()
                .filter_map(|(name, pool)| Some((name, pool.complete()?)))
                .collect(),
            groups: self.groups,
            remotes: self
                .remotes
                .into_iter()
                .filter_map(|(name, remote)| Some((name, remote.complete()?)))
                .collect(),
            storage: self.storage,
            start_timeout: self.start_timeout,
            stop_timeout: self.stop_timeout,
        }
    }
}

#[cfg(test)]
mod tests;
