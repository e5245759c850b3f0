//! A device that an administrator gives to a VE, and what the VE may do with it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use veld_units::{DeviceNumbers, DeviceRights};

use crate::{Invalid, parameter};

/// A device and the access to it: `/dev/kvm:rw`, `/dev/sdb:r`, `c:10:232:rw`,
/// `b:7:*:r`. Access that is not given is `rw`.
///
/// A path whose name has a colon must have its access behind it, so that no
/// text can be read in two ways.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DeviceAccess {
    /// Which device.
    pub device: DeviceName,
    /// What may be done with it.
    pub rights: DeviceRights,
}

/// A device as an administrator names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum DeviceName {
    /// A path below /dev, of the host and of the VE: its numbers are looked up
    /// when the VE starts, and the VE gets a node of the same name.
    Path(PathBuf),
    /// The numbers themselves, without a node.
    Numbers(DeviceNumbers),
}

const ALLOWED: &str = "a path below /dev, or numbers as c:10:232 or b:7:*, and the access, as :rw";

/// What of /dev is a VE's own, whatever the host has of that name.
const OF_THE_VE: [&str; 4] = ["fd", "mqueue", "pts", "shm"];

impl FromStr for DeviceAccess {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text.starts_with('/') {
            let (path, rights) = match text.rsplit_once(':') {
                Some((path, rights)) => (path, rights.parse()?),
                None => (text, DeviceRights::USE),
            };
            let device = DeviceName::Path(device_path(text, path)?);
            return Ok(Self { device, rights });
        }
        let (numbers, rights) = match text.match_indices(':').nth(2) {
            Some((end, colon)) => {
                let (numbers, rights) = text.split_at(end);
                (
                    numbers,
                    rights.strip_prefix(colon).unwrap_or(rights).parse()?,
                )
            }
            None => (text, DeviceRights::USE),
        };
        let numbers = numbers.parse::<DeviceNumbers>();
        let numbers = numbers.map_err(|refused| match refused {
            veld_units::Error::OutOfRange { .. } => refused.into(),
            // Of the whole form, of which the numbers are one.
            veld_units::Error::Malformed { .. } | _ => Invalid::form(text, "a device", ALLOWED),
        })?;
        let device = DeviceName::Numbers(numbers);
        Ok(Self { device, rights })
    }
}

/// The path of a device; `text` is all that was written.
fn device_path(text: &str, path: &str) -> Result<PathBuf, Invalid> {
    let device = parameter::absolute_path(path)
        .ok()
        .filter(|device| is_device_path(device));
    device.ok_or_else(|| Invalid::form(text, "a device", ALLOWED))
}

fn is_device_path(path: &Path) -> bool {
    path.strip_prefix("/dev").is_ok_and(|below| {
        let first = below.components().next();
        let first = first.and_then(|first| first.as_os_str().to_str());
        first.is_some_and(|first| !OF_THE_VE.contains(&first))
    })
}

impl fmt::Display for DeviceAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.device, self.rights)
    }
}

impl fmt::Display for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => path.display().fmt(f),
            Self::Numbers(numbers) => numbers.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_read_and_written() {
        for (text, written) in [
            ("/dev/kvm", "/dev/kvm:rw"),
            ("/dev/kvm:wr", "/dev/kvm:rw"),
            ("/dev//snd/./timer:r", "/dev/snd/timer:r"),
            (
                "/dev/disk/by-path/pci-0000:00:1f.2:rwm",
                "/dev/disk/by-path/pci-0000:00:1f.2:rwm",
            ),
            ("c:10:232", "c:10:232:rw"),
            ("b:7:*", "b:7:*:rw"),
            ("b:7:*:r", "b:7:*:r"),
        ] {
            let access: DeviceAccess = text.parse().unwrap();
            assert_eq!(access.to_string(), written);
            assert_eq!(written.parse(), Ok(access));
        }
    }

    #[test]
    fn what_is_no_device_is_refused_with_what_is_allowed() {
        for text in [
            "",
            "kvm",
            "/dev",
            "/dev/",
            "/dev/../etc/passwd",
            "/etc/passwd",
            "/devices/x",
            "/dev/pts/3",
            "/dev/shm/x:rw",
            "/dev/fd/0",
            "c:10",
            "c:*:1",
            "a:1:2",
            "c:10:232rw",
            "/dev/a\nb",
        ] {
            let refused = text.parse::<DeviceAccess>().unwrap_err().to_string();
            let form = format!("{text:?} is not a device: allowed is {ALLOWED}");
            assert_eq!(refused, form);
        }
        for (text, rights) in [("/dev/kvm:rx", "rx"), ("/dev/kvm:", ""), ("c:1:2:3", "3")] {
            let refused = text.parse::<DeviceAccess>().unwrap_err().to_string();
            let form = "is not an access to a device: allowed is r, w, m or more of them";
            assert_eq!(refused, format!("{rights:?} {form}"));
        }
    }
}
