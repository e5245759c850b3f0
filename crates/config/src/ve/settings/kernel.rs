//! Tables of the kernel that each user of a VE may fill so far.

use super::{Setting, one};
use crate::document::Parameter;
use crate::parameter;

macro_rules! table {
    ($name:literal, $help:literal) => {
        Setting::free(
            Parameter::optional(concat!("kernel.", $name), |raw, value| {
                let mut most = None;
                value.set_some(&mut most, parameter::entries)?;
                raw.kernel.extend(most.map(|most| ($name, most)));
                Ok(())
            }),
            |config| Some(i64::from(*config.kernel.get($name)?).into()),
            one($name, "N", $help),
        )
    };
}

pub(super) const SETTINGS: &[Setting] = &[
    table!("inotify-instances", "Inotify instances of each user in it"),
    table!("inotify-watches", "Inotify watches of each user in it"),
    table!("fanotify-groups", "Fanotify groups of each user in it"),
    table!("fanotify-marks", "Fanotify marks of each user in it"),
    table!(
        "user-namespaces",
        "User namespaces that each user makes in it"
    ),
    table!(
        "pid-namespaces",
        "PID namespaces that each user makes in it"
    ),
    table!(
        "mnt-namespaces",
        "Mount namespaces that each user makes in it"
    ),
    table!(
        "net-namespaces",
        "Network namespaces that each user makes in it"
    ),
    table!(
        "uts-namespaces",
        "UTS namespaces that each user makes in it"
    ),
    table!(
        "ipc-namespaces",
        "IPC namespaces that each user makes in it"
    ),
    table!(
        "cgroup-namespaces",
        "Cgroup namespaces that each user makes in it"
    ),
    table!(
        "time-namespaces",
        "Time namespaces that each user makes in it"
    ),
];
