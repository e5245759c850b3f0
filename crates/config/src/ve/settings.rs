//! The table of a VE's settings: one row per key, in the order of the file.

use std::fmt::Display;
use std::str::FromStr;

use toml_edit::{Array, Value as Toml};
use veld_units::Error;

use super::{Raw, VERSION, VeConfig};
use crate::document::Parameter;
use crate::{Hostname, TemplateName, Uuid, parameter};

/// A row: how the key is read, and what stands in the file for a config.
pub(super) struct Setting {
    pub(super) parameter: Parameter<Raw>,
    /// The value for the file; nothing where the key is to be absent.
    pub(super) write: fn(&VeConfig) -> Option<Toml>,
}

/// Every key that config.toml may have.
pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        parameter: Parameter::required("version", "1", |_, value| value.set(&mut (), version)),
        write: |_| Some(i64::from(VERSION).into()),
    },
    Setting {
        parameter: Parameter::required("uuid", "a UUID", |raw, value| {
            value.set_some(&mut raw.uuid, Uuid::from_str)
        }),
        write: |config| text(&config.uuid),
    },
    Setting {
        parameter: Parameter::required("template", "the name of a template", |raw, value| {
            value.set_some(&mut raw.template, TemplateName::from_str)
        }),
        write: |config| text(&config.template),
    },
    Setting {
        parameter: Parameter::required("hostname", "a host name", |raw, value| {
            value.set_some(&mut raw.hostname, Hostname::from_str)
        }),
        write: |config| text(&config.hostname),
    },
    Setting {
        parameter: Parameter::optional("onboot", |raw, value| value.set_switch(&mut raw.onboot)),
        write: |config| Some(config.onboot.into()),
    },
    Setting {
        parameter: Parameter::optional("bootorder", |raw, value| {
            value.set(&mut raw.bootorder, parameter::boot_order)
        }),
        write: |config| Some(i64::from(config.bootorder).into()),
    },
    Setting {
        parameter: Parameter::optional("restart", |raw, value| {
            value.set(&mut raw.restart, parameter::restart)
        }),
        write: |config| text(&config.restart),
    },
    Setting {
        parameter: Parameter::optional("init", |raw, value| value.set(&mut raw.init, str::parse)),
        write: |config| text(&config.init),
    },
    Setting {
        parameter: Parameter::optional("getty", |raw, value| value.set_switch(&mut raw.getty)),
        write: |config| Some(config.getty.into()),
    },
    Setting {
        parameter: Parameter::optional("devices", |raw, value| {
            value.set_list(&mut raw.devices, str::parse)
        }),
        write: |config| list(&config.devices),
    },
    Setting {
        parameter: Parameter::optional("resources.ram", |raw, value| {
            value.set_some(&mut raw.resources.ram, parameter::ram)
        }),
        write: |config| config.resources.ram.as_ref().and_then(text),
    },
    Setting {
        parameter: Parameter::optional("resources.swap", |raw, value| {
            value.set_some(&mut raw.resources.swap, parameter::swap)
        }),
        write: |config| config.resources.swap.as_ref().and_then(text),
    },
    Setting {
        parameter: Parameter::optional("resources.cpus", |raw, value| {
            value.set_some(&mut raw.resources.cpus, parameter::cpus)
        }),
        write: |config| Some(i64::from(config.resources.cpus?.get()).into()),
    },
    Setting {
        parameter: Parameter::optional("resources.cpuunits", |raw, value| {
            value.set_some(&mut raw.resources.cpuunits, str::parse)
        }),
        write: |config| Some(i64::from(config.resources.cpuunits?.get()).into()),
    },
    Setting {
        parameter: Parameter::optional("resources.cpulimit", |raw, value| {
            value.set_some(&mut raw.resources.cpulimit, str::parse)
        }),
        write: |config| config.resources.cpulimit.as_ref().and_then(text),
    },
    Setting {
        parameter: Parameter::optional("resources.processes", |raw, value| {
            value.set_some(&mut raw.resources.processes, parameter::processes)
        }),
        write: |config| Some(i64::from(config.resources.processes?.get()).into()),
    },
    Setting {
        parameter: Parameter::optional("network.mode", |raw, value| {
            value.set(&mut raw.network.mode, str::parse)
        }),
        write: |config| text(&config.network.mode),
    },
    Setting {
        parameter: Parameter::optional("network.ip", |raw, value| {
            value.set_list(&mut raw.network.ip, parameter::address)
        }),
        write: |config| list(&config.network.ip),
    },
    Setting {
        parameter: Parameter::optional("network.dns", |raw, value| {
            value.set_list(&mut raw.network.dns, str::parse)
        }),
        write: |config| list(&config.network.dns),
    },
];

/// A version that this crate knows; a newer one was refused before.
fn version(text: &str) -> Result<(), Error> {
    if text == VERSION.to_string() {
        Ok(())
    } else {
        Err(Error::malformed(text, "a version of this file", "1"))
    }
}

/// A value that stands in quotes.
#[allow(
    clippy::unnecessary_wraps,
    reason = "every row's write answers with an option"
)]
fn text(value: &impl Display) -> Option<Toml> {
    Some(value.to_string().into())
}

/// A list of values in quotes.
#[allow(
    clippy::unnecessary_wraps,
    reason = "every row's write answers with an option"
)]
fn list<T: Display>(values: &[T]) -> Option<Toml> {
    let texts: Array = values.iter().map(ToString::to_string).collect();
    Some(texts.into())
}
