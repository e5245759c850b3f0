//! Which devices a VE may use: those that every VE may, and those of its config.

use std::fmt;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use veld_cgroups::{DeviceRule, Group};
use veld_config::{DeviceAccess, DeviceName, VeConfig};
use veld_launch::{Nodes, change_nodes};
use veld_rootfs::{FileId, HostDevice, usual_devices};
use veld_state::Running;
use veld_sys::Failure;
use veld_units::{DeviceNumbers, DeviceRights};

use crate::error::{Source, chain};
use crate::ve::Ve;

/// The warning where no list can be held to.
pub(crate) const UNHELD: &str = "this kernel has neither a cgroup controller for devices nor BPF: \
                                 nothing keeps it from devices that it gets hold of";

/// The devices that a VE is given besides the usual ones, as the host has them now.
///
/// Displayed: `usual`, and each other one as `/dev/kvm:rw (c:10:232)`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Devices {
    given: Vec<Given>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Given {
    access: DeviceAccess,
    numbers: DeviceNumbers,
    /// Of one that the config names by its path.
    node: Option<HostDevice>,
}

impl Devices {
    /// Looks for the devices of a config.
    ///
    /// # Errors
    /// Names the path at which there is no device.
    pub(crate) fn find(config: &VeConfig) -> Result<Self, Failure> {
        let given = config.devices.iter().map(Given::find);
        Ok(Self {
            given: given.collect::<Result<_, _>>()?,
        })
    }

    /// Those of a config that the host has; what it has no longer is of no use to a
    /// VE that runs.
    pub(crate) fn present(config: &VeConfig) -> Self {
        let given = config.devices.iter().filter_map(|it| Given::find(it).ok());
        Self {
            given: given.collect(),
        }
    }

    /// The paths by which devices were given.
    fn paths(&self) -> Vec<&Path> {
        let named = self.given.iter().map(|given| &given.access.device);
        let paths = named.filter_map(|device| match device {
            DeviceName::Path(path) => Some(path.as_path()),
            DeviceName::Numbers(_) => None,
        });
        paths.collect()
    }

    /// All that the VE may do with devices.
    pub(crate) fn rules(&self) -> Vec<DeviceRule> {
        let usual = usual_devices().map(|numbers| DeviceRule {
            numbers,
            rights: DeviceRights::USE,
        });
        let given = self.given.iter().map(|given| DeviceRule {
            numbers: given.numbers,
            rights: given.access.rights,
        });
        usual.chain(given).collect()
    }

    /// Those that get a node in /dev of the VE.
    pub(crate) fn nodes(&self) -> Vec<HostDevice> {
        let nodes = self.given.iter().filter_map(|given| given.node.as_ref());
        nodes.cloned().collect()
    }
}

impl Given {
    fn find(access: &DeviceAccess) -> Result<Self, Failure> {
        let (numbers, node) = match &access.device {
            DeviceName::Numbers(numbers) => (*numbers, None),
            DeviceName::Path(path) => {
                let device = HostDevice::find(path)?;
                (device.numbers(), Some(device))
            }
        };
        Ok(Self {
            access: access.clone(),
            numbers,
            node,
        })
    }
}

impl fmt::Display for Devices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("usual")?;
        for Given {
            access, numbers, ..
        } in &self.given
        {
            write!(f, ", {access}")?;
            if let DeviceName::Path(_) = access.device {
                write!(f, " ({numbers})")?;
            }
        }
        Ok(())
    }
}

/// Has a VE that runs with the devices `old` use those of `new`, with their nodes
/// in its /dev, and says what is left for its next start. The caller holds the VE's
/// lock.
///
/// What is in both stays usable all the while; a file that is open on a device
/// stays open.
///
/// # Errors
/// Those of the kernel's list.
pub(crate) fn change(
    ve: &Ve<'_>,
    running: &Running,
    group: &Group,
    [old, new]: [&Devices; 2],
) -> Result<Vec<String>, Source> {
    let rules = new.rules();
    ve.step("allow devices");
    let mut warnings = Vec::new();
    if !group.allow_devices(&rules)? {
        warnings.push(UNHELD.to_owned());
    }
    ve.step("change nodes");
    let allowed: Vec<DeviceNumbers> = rules.iter().map(|rule| rule.numbers).collect();
    if let Err(why) = change_in_dev(ve, running, new, &gone(old, new), &allowed) {
        warnings.push(format!("its /dev changes at its next start: {why}"));
    }
    Ok(warnings)
}

/// The paths of devices that were given and are no longer.
fn gone(old: &Devices, new: &Devices) -> Vec<PathBuf> {
    let stays = new.paths();
    let before = old.paths().into_iter();
    before
        .filter(|path| !stays.contains(path))
        .map(PathBuf::from)
        .collect()
}

fn change_in_dev(
    ve: &Ve<'_>,
    running: &Running,
    devices: &Devices,
    remove: &[PathBuf],
    allowed: &[DeviceNumbers],
) -> Result<(), String> {
    let make = devices.nodes();
    if make.is_empty() && remove.is_empty() {
        return Ok(());
    }
    let Some((device, inode)) = running.record.dev else {
        return Err("it was started by an older veld".to_owned());
    };
    let ids = ve.ids().map_err(|error| chain(&error))?;
    let nodes = Nodes {
        init: running.init.as_fd(),
        pid: running.record.init.pid,
        owner: ids.first(),
        dev: FileId { device, inode },
        make: &make,
        remove,
        allowed,
    };
    change_nodes(&nodes).map_err(|error| chain(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn devices(texts: &[&str]) -> Result<Devices, Failure> {
        let uuid = "01234567-89ab-4def-8123-456789abcdef".parse().unwrap();
        let name = "web1".parse().unwrap();
        let mut config = VeConfig::new(uuid, "debian".parse().unwrap(), &name);
        config.devices = texts.iter().map(|text| text.parse().unwrap()).collect();
        Devices::find(&config)
    }

    #[test]
    fn the_usual_devices_are_allowed_and_no_node_is_made_twice() {
        let usual = devices(&[]).unwrap();
        let rules: Vec<String> = usual.rules().iter().map(ToString::to_string).collect();
        let expected = [
            "c 1:3 rw",
            "c 1:5 rw",
            "c 1:7 rw",
            "c 1:8 rw",
            "c 1:9 rw",
            "c 5:0 rw",
            "c 10:229 rw",
            "c 10:200 rw",
            "c 5:2 rw",
            "c 136:* rw",
        ];
        assert_eq!(rules, expected);
        assert_eq!(usual.nodes(), []);
        assert_eq!(usual.to_string(), "usual");
    }

    #[test]
    fn given_devices_come_behind_them() {
        let given = devices(&["/dev/kmsg:r", "b:7:*"]);
        let Ok(given) = given else {
            println!("skipped: this machine has no /dev/kmsg");
            return;
        };
        let rules: Vec<String> = given.rules().iter().map(ToString::to_string).collect();
        assert_eq!(rules[rules.len() - 2..], ["c 1:11 r", "b 7:* rw"]);
        assert_eq!(given.nodes().len(), 1);
        assert_eq!(given.to_string(), "usual, /dev/kmsg:r (c:1:11), b:7:*:rw");
    }

    #[test]
    fn a_device_that_is_not_there_is_named() {
        let missing = devices(&["/dev/null", "/dev/no-such-device"]).unwrap_err();
        assert_eq!(
            missing.to_string(),
            "cannot find device /dev/no-such-device"
        );
    }
}
