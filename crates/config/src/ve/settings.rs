//! The table of a VE's settings: one row per key, in the order of the file.
//!
//! A row is all that is known of a key: it reads the file and the command line,
//! writes the file, and is the help of the options of `create`.

pub(super) mod interface;
mod kernel;
mod network;
mod resources;
mod rlimits;
mod storage;

use std::fmt::Display;
use std::str::FromStr;

use toml_edit::{Array, Value as Toml};
use veld_units::Error;

use super::{Raw, VERSION, VeConfig};
use crate::document::Parameter;
use crate::{Hostname, TemplateName, Uuid, parameter};

/// A row: how the key is read, what stands in the file for a config, and what
/// is said of it.
#[derive(Debug)]
pub(super) struct Setting {
    pub(super) parameter: Parameter<Raw>,
    /// The value for the file; nothing where the key is to be absent.
    pub(super) write: fn(&VeConfig) -> Option<Toml>,
    /// Nothing for what is given when a VE is made and stays as it is.
    pub(super) about: Option<About>,
}

/// What a person is told of a key that can be set.
#[derive(Debug, Clone, Copy)]
pub(super) struct About {
    /// How it is called on a command line.
    pub(super) word: &'static str,
    /// The placeholder of its value; of a switch there is none.
    pub(super) value: &'static str,
    pub(super) help: &'static str,
    pub(super) shape: Shape,
}

/// How many values a key has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    One,
    Switch,
    List,
    /// A table of tables: the interfaces but the first.
    Interfaces,
}

impl Setting {
    /// The word on a command line, or the key in the file of what is not set there.
    pub(super) fn word(&self) -> &'static str {
        self.about.map_or(self.parameter.key, |about| about.word)
    }

    const fn fixed(parameter: Parameter<Raw>, write: fn(&VeConfig) -> Option<Toml>) -> Self {
        let about = None;
        Self {
            parameter,
            write,
            about,
        }
    }

    const fn free(
        parameter: Parameter<Raw>,
        write: fn(&VeConfig) -> Option<Toml>,
        about: About,
    ) -> Self {
        let about = Some(about);
        Self {
            parameter,
            write,
            about,
        }
    }
}

const fn one(word: &'static str, value: &'static str, help: &'static str) -> About {
    let shape = Shape::One;
    About {
        word,
        value,
        help,
        shape,
    }
}

const fn switch(word: &'static str, help: &'static str) -> About {
    let (value, shape) = ("", Shape::Switch);
    About {
        word,
        value,
        help,
        shape,
    }
}

const fn several(word: &'static str, value: &'static str, help: &'static str) -> About {
    let shape = Shape::List;
    About {
        word,
        value,
        help,
        shape,
    }
}

/// Every key that config.toml may have, in the order of a new file.
pub(super) fn all() -> impl Iterator<Item = &'static Setting> + Clone {
    let parts = [
        GENERAL,
        resources::SETTINGS,
        rlimits::SETTINGS,
        kernel::SETTINGS,
        interface::FIRST,
        network::SETTINGS,
        interface::OTHERS,
        storage::SETTINGS,
    ];
    parts.into_iter().flatten()
}

const GENERAL: &[Setting] = &[
    Setting::fixed(
        Parameter::required("version", "1", |_, value| value.set(&mut (), version)),
        |_| Some(i64::from(VERSION).into()),
    ),
    Setting::fixed(
        Parameter::required("uuid", "a UUID", |raw, value| {
            value.set_some(&mut raw.uuid, Uuid::from_str)
        }),
        |config| text(&config.uuid),
    ),
    Setting::fixed(
        Parameter::required("template", "the name of a template", |raw, value| {
            value.set_some(&mut raw.template, TemplateName::from_str)
        }),
        |config| text(&config.template),
    ),
    Setting::free(
        Parameter::required("hostname", "a host name", |raw, value| {
            value.set_some(&mut raw.hostname, Hostname::from_str)
        }),
        |config| text(&config.hostname),
        one(
            "hostname",
            "HOSTNAME",
            "Its host name; the name of the VE unless given",
        ),
    ),
    Setting::free(
        Parameter::optional("onboot", |raw, value| value.set_switch(&mut raw.onboot)),
        |config| Some(config.onboot.into()),
        switch("onboot", "Start it with the host"),
    ),
    Setting::free(
        Parameter::optional("bootorder", |raw, value| {
            value.set(&mut raw.bootorder, parameter::boot_order)
        }),
        |config| Some(i64::from(config.bootorder).into()),
        one(
            "bootorder",
            "N",
            "Its place among those with onboot; the least is first",
        ),
    ),
    Setting::free(
        Parameter::optional("restart", |raw, value| {
            value.set(&mut raw.restart, parameter::restart)
        }),
        |config| text(&config.restart),
        one(
            "restart",
            "POLICY",
            "After which ends it starts again: no, on-failure, always",
        ),
    ),
    Setting::free(
        Parameter::optional("init", |raw, value| value.set(&mut raw.init, str::parse)),
        |config| text(&config.init),
        one(
            "init",
            "INIT",
            "Its init: auto, hand-over, supervise or a path",
        ),
    ),
    Setting::free(
        Parameter::optional("getty", |raw, value| value.set_switch(&mut raw.getty)),
        |config| Some(config.getty.into()),
        switch("getty", "Run its getty units and lines too"),
    ),
    Setting::free(
        Parameter::optional("cgroup", |raw, value| {
            value.set(&mut raw.cgroup, str::parse)
        }),
        |config| text(&config.cgroup),
        one(
            "cgroup",
            "TREE",
            "What it finds of cgroups: unified (v2) or legacy (v1)",
        ),
    ),
    Setting::free(
        Parameter::optional("devices", |raw, value| {
            value.set_list(&mut raw.devices, str::parse)
        }),
        |config| list(&config.devices),
        several(
            "device",
            "DEVICE",
            "Device that it may use too, repeatable: /dev/kvm:rw, b:7:*:r",
        ),
    ),
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

/// A list that is not written where it is empty.
fn some_list<T: Display>(values: &[T]) -> Option<Toml> {
    (!values.is_empty()).then(|| list(values)).flatten()
}
