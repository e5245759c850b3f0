//! The keys of a config as an administrator names them, and setting them.

use std::fmt;
use std::str::FromStr;

use toml::Spanned;
use toml::de::{DeArray, DeValue};
use toml_edit::Value as Toml;
use veld_units::Quoted;

use super::settings::{self, About, Setting, Shape};
use super::{Raw, VeConfig};
use crate::document::{Value, nearest};
use crate::{ConfigError, Invalid, Problem, parameter};

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

    /// Whether it has several values.
    #[must_use]
    pub fn is_list(self) -> bool {
        self.about.shape == Shape::List
    }

    /// What a config says, as [`Assignment`] takes it; nothing where it is silent.
    #[must_use]
    pub fn said_by(self, config: &VeConfig) -> Option<String> {
        let value = (self.setting.write)(config)?;
        match value.as_array() {
            Some(_) => Some(elements(&value).join(",")),
            None => Some(plain(&value)),
        }
    }

    /// Whether a value could be set.
    ///
    /// # Errors
    /// What is wrong with it, in the words in which a file is refused.
    pub fn check(self, value: &str) -> Result<(), String> {
        self.read(&Spoken::of(self, value), &mut Raw::default())
            .map_err(|complaints| complaints.join("; "))
    }

    fn read(self, spoken: &Spoken, raw: &mut Raw) -> Result<(), Vec<String>> {
        let complaints = spoken.read_as(self.setting, raw);
        if complaints.is_empty() {
            Ok(())
        } else {
            Err(complaints)
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

/// A key and its new value: `ram=512M`, `ip+=10.0.0.7`, `dns-=host`; `ram=`
/// unsets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    key: Key,
    change: Change,
    value: String,
}

impl Assignment {
    /// Sets a key; a list to the elements between commas.
    #[must_use]
    pub fn new(key: Key, value: &str) -> Self {
        let change = Change::Set;
        let value = value.to_owned();
        Self { key, change, value }
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> Key {
        self.key
    }

    /// Whether what the key said before does not matter for what it says after.
    #[must_use]
    pub fn replaces(&self) -> bool {
        self.change == Change::Set
    }

    /// The assignments that it stands for: two of a pair of barrier and limit,
    /// otherwise itself.
    #[must_use]
    pub fn parts(&self) -> Vec<Self> {
        let pair = match self.key.word() {
            "ram" => Some(("ram-high", parameter::ram(&self.value))),
            "swap" => Some(("swap-high", parameter::swap(&self.value))),
            _ => None,
        };
        let pair = pair.filter(|_| self.value.contains(':'));
        let parts = pair.and_then(|(high, pair)| {
            let pair = pair.ok()?;
            let high = Key::all().find(|key| key.word() == high)?;
            let barrier = parameter::barrier(pair).map(|barrier| barrier.to_string());
            Some(vec![
                Self::new(self.key, &pair.limit().to_string()),
                Self::new(high, &barrier.unwrap_or_default()),
            ])
        });
        parts.unwrap_or_else(|| vec![self.clone()])
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
        let key: Key = key.parse()?;
        if change != Change::Set && !key.is_list() {
            let allowed = "one value: only of a list elements are added or removed";
            return Err(Invalid::form(text, "a setting", allowed));
        }
        if !value.is_empty() {
            key.check(value).map_err(|what| {
                let key = key.word();
                Invalid::Value { key, what }
            })?;
        }
        let value = value.to_owned();
        Ok(Self { key, change, value })
    }
}

impl fmt::Display for Assignment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.change {
            Change::Set => "=",
            Change::Add => "+=",
            Change::Remove => "-=",
        };
        write!(f, "{}{sign}{}", self.key.word(), self.value)
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
                    vec!["cannot be unset".to_owned()]
                }
                None => Vec::new(),
            };
            problems.extend(complaints.into_iter().map(|it| problem(setting.word(), it)));
        }
        if !problems.is_empty() {
            return Err(ConfigError::Invalid(problems));
        }
        let Some(config) = raw.complete() else {
            unreachable!("what a config must have it had, and nothing of that was unset");
        };
        let problems = super::conflicts(&config, None);
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
    let key = assignment.key;
    let new = (!assignment.value.is_empty()).then(|| Spoken::of(key, &assignment.value));
    let list = |spoken| match spoken {
        Some(Spoken::List(elements)) => elements,
        _ => Vec::new(),
    };
    match assignment.change {
        Change::Set => Ok(new),
        Change::Add => {
            let mut elements = list(now);
            elements.extend(list(new));
            Ok(Some(Spoken::List(elements)))
        }
        Change::Remove => {
            let mut elements = list(now);
            for gone in list(new) {
                let at = elements
                    .iter()
                    .position(|element| same(key, element, &gone));
                let Some(at) = at else {
                    return Err(format!("{} is not in the list", Quoted(&gone)));
                };
                elements.remove(at);
            }
            Ok(Some(Spoken::List(elements)))
        }
    }
}

/// Whether two elements of a list are one, however they are written.
fn same(key: Key, one: &str, other: &str) -> bool {
    if one == other {
        return true;
    }
    // A list refuses an element that is there twice.
    let [one, other] = [one, other].map(str::to_owned);
    let both = Spoken::List(vec![one.clone(), other.clone()]);
    let alone = |element| key.read(&Spoken::List(vec![element]), &mut Raw::default());
    alone(one).is_ok() && alone(other).is_ok() && key.read(&both, &mut Raw::default()).is_err()
}

/// A value in a form that outlives the text it came from.
#[derive(Debug, Clone)]
enum Spoken {
    One(String),
    Switch(bool),
    List(Vec<String>),
}

impl Spoken {
    /// A value as it is written on a command line.
    fn of(key: Key, text: &str) -> Self {
        match key.about.shape {
            Shape::One => Self::One(text.to_owned()),
            Shape::List => Self::List(text.split(',').map(str::to_owned).collect()),
            Shape::Switch => match text {
                "true" | "yes" | "on" => Self::Switch(true),
                "false" | "no" | "off" => Self::Switch(false),
                _ => Self::One(text.to_owned()),
            },
        }
    }

    /// A value as it is written into a file.
    fn said(value: &Toml) -> Self {
        match (value.as_array(), value.as_bool()) {
            (Some(_), _) => Self::List(elements(value)),
            (None, Some(switch)) => Self::Switch(switch),
            (None, None) => Self::One(plain(value)),
        }
    }

    /// Reads it as the value of a setting; what is wrong with it.
    fn read_as(&self, setting: &Setting, raw: &mut Raw) -> Vec<String> {
        let value = self.value();
        let complaints = (setting.parameter.read)(raw, &Value::new(&value)).err();
        let complaints = complaints.into_iter().flatten();
        complaints.map(|it| it.what).collect()
    }

    fn value(&self) -> Spanned<DeValue<'_>> {
        let text = |text: &str| Spanned::new(0..0, DeValue::String(text.to_owned().into()));
        match self {
            Self::One(one) => text(one),
            Self::Switch(switch) => Spanned::new(0..0, DeValue::Boolean(*switch)),
            Self::List(elements) => {
                let mut array = DeArray::new();
                for element in elements {
                    array.push(text(element));
                }
                Spanned::new(0..0, DeValue::Array(array))
            }
        }
    }
}

fn elements(list: &Toml) -> Vec<String> {
    let elements = list.as_array().into_iter().flatten();
    elements.map(plain).collect()
}

/// A value without its quotes.
fn plain(value: &Toml) -> String {
    match value.as_str() {
        Some(text) => text.to_owned(),
        None => value.to_string().trim().to_owned(),
    }
}

#[cfg(test)]
mod tests;
