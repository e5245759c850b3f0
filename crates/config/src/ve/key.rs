//! The keys of a config as an administrator names them, and setting them.

use std::fmt;
use std::str::FromStr;

use super::settings::{self, About, Setting, Shape};
use super::{Raw, VeConfig};
use crate::document::nearest;
use crate::{ConfigError, Invalid, Mode, Mount, Problem, mount, parameter};

mod interface;
mod openvz;
mod spoken;

use interface::Part;
pub use openvz::OPENVZ_WORDS;
use spoken::Spoken;

/// A key that can be set.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    setting: &'static Setting,
    about: About,
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for Key {}

impl Key {
    /// Every one, in the order of a new file.
    pub fn all() -> impl Iterator<Item = Self> {
        settings::all().filter_map(|setting| {
            let about = setting.about?;
            Some(Self { setting, about })
        })
    }

    /// The key in the file, dotted: `resources.ram`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.setting.parameter.key
    }

    /// The word on a command line: `ram`.
    #[must_use]
    pub fn word(self) -> &'static str {
        self.about.word
    }

    /// The placeholder of its value; of a switch there is none.
    #[must_use]
    pub fn placeholder(self) -> &'static str {
        self.about.value
    }

    /// What it is, in a line.
    #[must_use]
    pub fn help(self) -> &'static str {
        self.about.help
    }

    /// The section of the file that it is in; empty above all sections.
    #[must_use]
    pub fn section(self) -> &'static str {
        self.name()
            .split_once('.')
            .map_or("", |(section, _)| section)
    }

    /// Whether it is on or off.
    #[must_use]
    pub fn is_switch(self) -> bool {
        self.about.shape == Shape::Switch
    }

    /// Whether it is a table of interfaces: an assignment names one of them.
    #[must_use]
    pub fn is_interfaces(self) -> bool {
        self.about.shape == Shape::Interfaces
    }

    /// Whether it has several values.
    #[must_use]
    pub fn is_list(self) -> bool {
        self.about.shape == Shape::List
    }

    /// Whether its elements are mounts, of which the place is enough to take one away.
    fn is_mounts(self) -> bool {
        self.word() == "mount"
    }

    /// What a config says, as [`Assignment`] takes it; nothing where it is silent.
    #[must_use]
    pub fn said_by(self, config: &VeConfig) -> Option<String> {
        let value = (self.setting.write)(config)?;
        Some(Spoken::said(&value).to_string())
    }

    /// Whether a value could be set.
    ///
    /// # Errors
    /// What is wrong with it, in the words in which a file is refused.
    pub fn check(self, value: &str) -> Result<(), String> {
        if self.about.shape == Shape::Interfaces {
            let checked = format!("net.{value}").parse::<Assignment>();
            return checked.map(drop).map_err(|invalid| invalid.to_string());
        }
        let value = self.mode_of(value).map_or(value, |(mode, _)| mode);
        self.read(&Spoken::of(self, value), &mut Raw::default())
            .map_err(|complaints| complaints.join("; "))
    }

    /// The two parts of a mode with the link that goes with it.
    fn mode_of(self, value: &str) -> Option<(&str, &str)> {
        value.split_once(':').filter(|_| self.word() == "network")
    }

    fn read(self, spoken: &Spoken, raw: &mut Raw) -> Result<(), Vec<String>> {
        let complaints = spoken.read_as(self.setting, raw);
        if complaints.is_empty() {
            Ok(())
        } else {
            Err(complaints.into_iter().map(|(_, what)| what).collect())
        }
    }
}

impl FromStr for Key {
    type Err = Invalid;

    /// Reads the word of a command line, the key of the file, or the last part of
    /// that where no other key has it.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let exact = |key: &Self| key.word() == text || key.name() == text;
        if let Some(key) = Self::all().find(exact) {
            return Ok(key);
        }
        let last = |key: &Self| key.name().rsplit('.').next() == Some(text);
        let mut same = Self::all().filter(last);
        if let (Some(key), None) = (same.next(), same.next()) {
            return Ok(key);
        }
        let words: Vec<&str> = Self::all().map(Self::word).collect();
        let near = nearest(text, &words).map(str::to_owned);
        let text = text.to_owned();
        Err(Invalid::Key { text, near })
    }
}

/// What is to become of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    /// It is this.
    Set,
    /// The list has this too.
    Add,
    /// The list has this no more.
    Remove,
}

/// A key and its new value: `ram=512M`, `ip+=10.0.0.7`, `dns-=host`,
/// `net.eth1=bridge:br0,ip=10.0.1.2/24`, `net.eth1.mtu=1400`; `ram=` unsets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    key: Key,
    /// Of a key that is a table, what of it is meant.
    part: Option<Part>,
    change: Change,
    value: String,
}

impl Assignment {
    /// Sets a key; a list to the elements between commas.
    #[must_use]
    pub fn new(key: Key, value: &str) -> Self {
        Self {
            key,
            part: None,
            change: Change::Set,
            value: value.to_owned(),
        }
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> Key {
        self.key
    }

    /// Whether what an older one said does not matter any more for what this says.
    #[must_use]
    pub fn replaces(&self, older: &Self) -> bool {
        let covers = match (self.part, older.part) {
            (Some(new), Some(old)) => new.covers(old),
            _ => true,
        };
        self.change == Change::Set && self.key == older.key && covers
    }

    /// Whether both are of one key, or of one interface.
    #[must_use]
    pub fn is_about(&self, other: &Self) -> bool {
        let slot = |part: Option<Part>| part.map(|part| part.slot);
        self.key == other.key && slot(self.part) == slot(other.part)
    }

    /// The assignments that it stands for: two of a pair of barrier and limit or of
    /// a mode with its link, several of a whole first interface, otherwise itself.
    #[must_use]
    pub fn parts(&self) -> Vec<Self> {
        let parts = match self.key.word() {
            "ram" => self.limits("ram-high", parameter::ram),
            "swap" => self.limits("swap-high", parameter::swap),
            "network" => self.mode_and_link(),
            "net" => interface::parts_of_first(self),
            _ => None,
        };
        parts.unwrap_or_else(|| vec![self.clone()])
    }

    fn limits(
        &self,
        high: &str,
        read: fn(&str) -> Result<veld_units::BarrierLimit, veld_units::Error>,
    ) -> Option<Vec<Self>> {
        let pair = self.value.contains(':').then(|| read(&self.value));
        let pair = pair?.ok()?;
        let high = Key::all().find(|key| key.word() == high)?;
        let barrier = parameter::barrier(pair).map(|barrier| barrier.to_string());
        Some(vec![
            Self::new(self.key, &pair.limit().to_string()),
            Self::new(high, &barrier.unwrap_or_default()),
        ])
    }

    fn mode_and_link(&self) -> Option<Vec<Self>> {
        let routed = self.value.parse() == Ok(Mode::Routed);
        let (mode, link) = match self.key.mode_of(&self.value) {
            Some(both) => both,
            // It has no other link than its own.
            None if routed => (self.value.as_str(), ""),
            None => return None,
        };
        let of_link = Key::all().find(|key| key.word() == "link")?;
        Some(vec![Self::new(self.key, mode), Self::new(of_link, link)])
    }

    fn is_of(&self, setting: &Setting) -> bool {
        self.key.name() == setting.parameter.key
    }
}

impl FromStr for Assignment {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let Some((key, value)) = text.split_once('=') else {
            return Err(Invalid::form(text, "a setting", "KEY=VALUE"));
        };
        let (key, change) = match (key.strip_suffix('+'), key.strip_suffix('-')) {
            (Some(key), _) => (key, Change::Add),
            (_, Some(key)) => (key, Change::Remove),
            (None, None) => (key, Change::Set),
        };
        if let Some(path) = key.strip_prefix("net.") {
            return interface::assignment(text, path, change, value);
        }
        if let Some(own) = openvz::translated(key, value) {
            let (word, value) = own?;
            return Self::checked(text, word.parse()?, change, &value);
        }
        let key: Key = key.parse()?;
        if key.is_interfaces() {
            let allowed = "net.eth1=MODE[:LINK][,KEY=VALUE] or net.eth1.KEY=VALUE";
            return Err(Invalid::form(text, "a setting", allowed));
        }
        Self::checked(text, key, change, value)
    }
}

impl Assignment {
    fn checked(text: &str, key: Key, change: Change, value: &str) -> Result<Self, Invalid> {
        if change != Change::Set && !key.is_list() {
            return Err(Invalid::form(text, "a setting", ONE_VALUE));
        }
        let is_place = change == Change::Remove && key.is_mounts() && mount::target(value).is_ok();
        if !value.is_empty() && !is_place {
            key.check(value).map_err(|what| {
                let key = key.word();
                Invalid::Value { key, what }
            })?;
        }
        Ok(Self {
            key,
            part: None,
            change,
            value: value.to_owned(),
        })
    }
}

const ONE_VALUE: &str = "one value: only of a list elements are added or removed";

impl fmt::Display for Assignment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.change {
            Change::Set => "=",
            Change::Add => "+=",
            Change::Remove => "-=",
        };
        f.write_str(self.key.word())?;
        if let Some(part) = self.part {
            write!(f, ".{part}")?;
        }
        write!(f, "{sign}{}", self.value)
    }
}

impl VeConfig {
    /// The config with these changes, one after the other; what is unset is as
    /// if it had never been set.
    ///
    /// # Errors
    /// All that is wrong with the values, and what does not go together.
    pub fn assign(&self, assignments: &[Assignment]) -> Result<Self, ConfigError> {
        let mut problems = Vec::new();
        let mut raw = Raw::default();
        let assignments: Vec<Assignment> = assignments.iter().flat_map(Assignment::parts).collect();
        for setting in settings::all() {
            let mut now = (setting.write)(self).map(|toml| Spoken::said(&toml));
            for assignment in assignments.iter().filter(|new| new.is_of(setting)) {
                match changed(assignment, now.take()) {
                    Ok(new) => now = new,
                    Err(what) => problems.push(problem(setting.word(), what)),
                }
            }
            let complaints = match &now {
                Some(now) => now.read_as(setting, &mut raw),
                None if setting.parameter.required.is_some() => {
                    vec![(String::new(), "cannot be unset".to_owned())]
                }
                None => Vec::new(),
            };
            problems.extend(
                complaints
                    .into_iter()
                    .map(|(below, what)| problem(&format!("{}{below}", setting.word()), what)),
            );
        }
        if !problems.is_empty() {
            return Err(ConfigError::Invalid(problems));
        }
        let Some(config) = raw.complete() else {
            unreachable!("what a config must have it had, and nothing of that was unset");
        };
        let problems = super::conflicts::conflicts(&config, None);
        if problems.is_empty() {
            Ok(config)
        } else {
            Err(ConfigError::Invalid(problems))
        }
    }
}

fn problem(word: &str, what: String) -> Problem {
    Problem {
        file: None,
        line: None,
        key: Some(word.to_owned()),
        what,
    }
}

/// What a key says after a change.
fn changed(assignment: &Assignment, now: Option<Spoken>) -> Result<Option<Spoken>, String> {
    if let Some(part) = assignment.part {
        return interface::changed(assignment, part, now);
    }
    let key = assignment.key;
    let new = (!assignment.value.is_empty()).then(|| Spoken::of(key, &assignment.value));
    match assignment.change {
        Change::Set => Ok(new),
        Change::Add => Ok(Some(Spoken::with(now, new))),
        Change::Remove => Spoken::without(now, new, |one, other| same(key, one, other)).map(Some),
    }
}

/// Whether two elements of a list are one, however they are written; a mount is
/// meant by its place too.
fn same(key: Key, one: &str, other: &str) -> bool {
    if key.is_mounts() {
        let one = one.parse::<Mount>();
        return one.is_ok_and(|mount| mount.is_meant_by(other));
    }
    spoken::same(one, other, |list| {
        key.read(list, &mut Raw::default()).is_ok()
    })
}

#[cfg(test)]
mod tests;
