//! A value in a form that outlives the text it came from.

use std::collections::BTreeMap;
use std::fmt;

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};
use toml_edit::Value as Toml;
use veld_units::Quoted;

use super::Key;
use crate::document::Value;
use crate::ve::Raw;
use crate::ve::settings::{Setting, Shape};

#[derive(Debug, Clone)]
pub(super) enum Spoken {
    One(String),
    Switch(bool),
    List(Vec<String>),
    Table(BTreeMap<String, Self>),
}

impl Spoken {
    /// A value as it is written on a command line.
    pub(super) fn of(key: Key, text: &str) -> Self {
        match key.about.shape {
            Shape::One | Shape::Interfaces => Self::One(text.to_owned()),
            Shape::List => Self::list(text),
            Shape::Switch => match text {
                "true" | "yes" | "on" => Self::Switch(true),
                "false" | "no" | "off" => Self::Switch(false),
                _ => Self::One(text.to_owned()),
            },
        }
    }

    /// A list as it is written on a command line.
    pub(super) fn list(text: &str) -> Self {
        Self::List(text.split(',').map(str::to_owned).collect())
    }

    /// A value as it is written into a file.
    pub(super) fn said(value: &Toml) -> Self {
        if let Some(switch) = value.as_bool() {
            return Self::Switch(switch);
        }
        if let Some(list) = value.as_array() {
            return Self::List(list.iter().map(plain).collect());
        }
        match value.as_inline_table() {
            Some(table) => {
                let said = |(key, value): (&str, &Toml)| (key.to_owned(), Self::said(value));
                Self::Table(table.iter().map(said).collect())
            }
            None => Self::One(plain(value)),
        }
    }

    /// A list with more elements.
    pub(super) fn with(now: Option<Self>, more: Option<Self>) -> Self {
        let mut elements = elements(now);
        elements.extend(self::elements(more));
        Self::List(elements)
    }

    /// A list without these elements, which it must have.
    pub(super) fn without(
        now: Option<Self>,
        gone: Option<Self>,
        same: impl Fn(&str, &str) -> bool,
    ) -> Result<Self, String> {
        let mut elements = elements(now);
        for gone in self::elements(gone) {
            let at = elements.iter().position(|element| same(element, &gone));
            let Some(at) = at else {
                return Err(format!("{} is not in the list", Quoted(&gone)));
            };
            elements.remove(at);
        }
        Ok(Self::List(elements))
    }

    /// Reads it as the value of a setting; what is wrong with it, each with what
    /// follows the key of the setting.
    pub(super) fn read_as(&self, setting: &Setting, raw: &mut Raw) -> Vec<(String, String)> {
        let value = self.value();
        let complaints = (setting.parameter.read)(raw, &Value::new(&value)).err();
        let complaints = complaints.into_iter().flatten();
        complaints.map(|it| (it.below, it.what)).collect()
    }

    pub(super) fn value(&self) -> Spanned<DeValue<'_>> {
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
            Self::Table(entries) => {
                let mut table = DeTable::new();
                for (key, value) in entries {
                    table.insert(Spanned::new(0..0, key.clone().into()), value.value());
                }
                Spanned::new(0..0, DeValue::Table(table))
            }
        }
    }
}

/// As an assignment takes it: of a table, each entry as a whole.
impl fmt::Display for Spoken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(one) => f.write_str(one),
            Self::Switch(switch) => switch.fmt(f),
            Self::List(elements) => f.write_str(&elements.join(",")),
            Self::Table(entries) => {
                for (at, (key, value)) in entries.iter().enumerate() {
                    let between = if at == 0 { "" } else { " " };
                    let whole = match value {
                        Self::Table(rows) => super::interface::whole(rows),
                        Self::One(_) | Self::Switch(_) | Self::List(_) => value.to_string(),
                    };
                    write!(f, "{between}{key}={whole}")?;
                }
                Ok(())
            }
        }
    }
}

/// Whether two elements of a list are one, which `reads` then refuses.
pub(super) fn same(one: &str, other: &str, reads: impl Fn(&Spoken) -> bool) -> bool {
    if one == other {
        return true;
    }
    let [one, other] = [one, other].map(str::to_owned);
    let both = Spoken::List(vec![one.clone(), other.clone()]);
    let alone = |element| reads(&Spoken::List(vec![element]));
    alone(one) && alone(other) && !reads(&both)
}

fn elements(list: Option<Spoken>) -> Vec<String> {
    match list {
        Some(Spoken::List(elements)) => elements,
        Some(Spoken::One(_) | Spoken::Switch(_) | Spoken::Table(_)) | None => Vec::new(),
    }
}

/// A value without its quotes.
fn plain(value: &Toml) -> String {
    match value.as_str() {
        Some(text) => text.to_owned(),
        None => value.to_string().trim().to_owned(),
    }
}
