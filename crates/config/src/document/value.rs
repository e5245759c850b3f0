//! A value with its place, and what a validator may ask of it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

use toml::Spanned;
use toml::de::{DeInteger, DeValue};
use veld_units::Quoted;

use super::{Parameter, nearest};

/// Elements of a list, of which each is compared with each.
const MOST_ELEMENTS: usize = 256;

/// What is wrong with a value, and at which byte of the text.
#[derive(Debug)]
pub(crate) struct Complaint {
    pub(crate) at: usize,
    /// What follows the key of the row that complains, of a value within its own.
    pub(crate) below: String,
    pub(crate) what: String,
}

/// All that is wrong with the value of one key.
pub(crate) type Outcome = Result<(), Vec<Complaint>>;

/// A value in the file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Value<'a>(&'a Spanned<DeValue<'a>>);

impl<'a> Value<'a> {
    pub(crate) fn new(value: &'a Spanned<DeValue<'a>>) -> Self {
        Self(value)
    }

    /// Puts what `parse` makes of the value into `slot`. A number may stand
    /// with or without quotes.
    pub(crate) fn set<T, E: Display>(
        &self,
        slot: &mut T,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Outcome {
        *slot = self.parsed(parse).map_err(|complaint| vec![complaint])?;
        Ok(())
    }

    /// Like [`Value::set`] for a slot that is empty where the key is absent.
    pub(crate) fn set_some<T, E: Display>(
        &self,
        slot: &mut Option<T>,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Outcome {
        self.set(slot, |text| parse(text).map(Some))
    }

    /// Puts what `parse` makes of each element of a list into `slot`, and
    /// complains of every element that is wrong or there twice.
    pub(crate) fn set_list<T: PartialEq, E: Display>(
        &self,
        slot: &mut Vec<T>,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Outcome {
        let DeValue::Array(elements) = self.0.get_ref() else {
            return Err(vec![self.not("a list")]);
        };
        if elements.len() > MOST_ELEMENTS {
            let what = format!("{} elements, allowed are {MOST_ELEMENTS}", elements.len());
            return Err(vec![self.complaint(what)]);
        }
        let mut values = Vec::new();
        let mut complaints = Vec::new();
        for element in elements.iter().map(Value::new) {
            match element.parsed(&parse) {
                Ok(value) if values.contains(&value) => complaints.push(element.twice()),
                Ok(value) => values.push(value),
                Err(complaint) => complaints.push(complaint),
            }
        }
        if complaints.is_empty() {
            *slot = values;
            Ok(())
        } else {
            Err(complaints)
        }
    }

    /// Puts a table of tables, as `[net.eth1]` and `[net.eth2]`, into `slot`: each
    /// begins as `new` and is read through a table of rows.
    pub(crate) fn set_tables<K: Ord + FromStr, C>(
        &self,
        slot: &mut BTreeMap<K, C>,
        new: impl Fn() -> C,
        rows: &[Parameter<C>],
    ) -> Outcome
    where
        K::Err: Display,
    {
        let DeValue::Table(tables) = self.0.get_ref() else {
            return Err(vec![self.not("a table")]);
        };
        let mut values = BTreeMap::new();
        let mut complaints = Vec::new();
        for (name, value) in tables {
            let mut config = new();
            let read = match name.get_ref().parse() {
                Ok(key) => Value::new(value)
                    .read_table(&mut config, rows)
                    .map(|()| drop(values.insert(key, config))),
                Err(error) => Err(vec![Complaint {
                    at: name.span().start,
                    below: String::new(),
                    what: K::Err::to_string(&error),
                }]),
            };
            let below = format!(".{}", nearest::shown(name.get_ref()));
            complaints.extend(read.err().into_iter().flatten().map(|mut complaint| {
                complaint.below.insert_str(0, &below);
                complaint
            }));
        }
        if complaints.is_empty() {
            *slot = values;
            Ok(())
        } else {
            Err(complaints)
        }
    }

    /// Reads a table without sections through one of rows.
    fn read_table<C>(&self, config: &mut C, rows: &[Parameter<C>]) -> Outcome {
        let DeValue::Table(table) = self.0.get_ref() else {
            return Err(vec![self.not("a table")]);
        };
        let known: Vec<&str> = rows.iter().map(|row| row.key).collect();
        let mut complaints = Vec::new();
        for (name, value) in table {
            let key = name.get_ref().as_ref();
            let Some(row) = rows.iter().find(|row| row.key == key) else {
                let what = match nearest::nearest(key, &known) {
                    Some(near) => format!("unknown key, did you mean {near}?"),
                    None => format!("unknown key: allowed are {}", known.join(", ")),
                };
                complaints.push(Complaint {
                    at: name.span().start,
                    below: format!(".{}", nearest::shown(key)),
                    what,
                });
                continue;
            };
            let read = (row.read)(config, &Value::new(value));
            complaints.extend(read.err().into_iter().flatten().map(|mut complaint| {
                complaint.below.insert_str(0, &format!(".{key}"));
                complaint
            }));
        }
        for row in rows {
            let is_missing = !table.iter().any(|(name, _)| name.get_ref() == row.key);
            if let Some(allowed) = row.required.filter(|_| is_missing) {
                let mut complaint = self.complaint(format!("is missing: allowed is {allowed}"));
                complaint.below = format!(".{}", row.key);
                complaints.push(complaint);
            }
        }
        if complaints.is_empty() {
            Ok(())
        } else {
            Err(complaints)
        }
    }

    /// Puts true or false into `slot`.
    pub(crate) fn set_switch(&self, slot: &mut bool) -> Outcome {
        if let DeValue::Boolean(switch) = self.0.get_ref() {
            *slot = *switch;
            return Ok(());
        }
        let text = self.text().map_err(|complaint| vec![complaint])?;
        let what = format!(
            "{} is not a switch: allowed is true or false",
            Quoted(&text)
        );
        Err(vec![self.complaint(what)])
    }

    /// Says that the value should be `wanted`, a list or a table.
    pub(crate) fn not(&self, wanted: &str) -> Complaint {
        self.complaint(format!("is {}: allowed is {wanted}", self.shape()))
    }

    fn parsed<T, E: Display>(&self, parse: impl Fn(&str) -> Result<T, E>) -> Result<T, Complaint> {
        parse(&self.text()?).map_err(|error| self.complaint(error.to_string()))
    }

    fn twice(&self) -> Complaint {
        let text = self.text().unwrap_or_default();
        self.complaint(format!("{} is there twice", Quoted(&text)))
    }

    /// The value as an administrator would write it on the command line.
    fn text(&self) -> Result<Cow<'_, str>, Complaint> {
        match self.0.get_ref() {
            DeValue::String(text) => Ok(Cow::Borrowed(text)),
            DeValue::Integer(number) => Ok(Cow::Owned(decimal(number))),
            DeValue::Float(number) => Ok(Cow::Borrowed(number.as_str())),
            DeValue::Boolean(switch) => Ok(Cow::Owned(switch.to_string())),
            DeValue::Datetime(date) => Ok(Cow::Owned(date.to_string())),
            DeValue::Array(_) | DeValue::Table(_) => Err(self.not("one value")),
        }
    }

    fn shape(&self) -> &'static str {
        match self.0.get_ref() {
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
            DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_) => "one value",
        }
    }

    fn complaint(&self, what: String) -> Complaint {
        let at = self.0.span().start;
        let below = String::new();
        Complaint { at, below, what }
    }
}

/// A number in decimal, whatever base it was written in; one of more than 128
/// bits is too large for every parameter and stays as it is.
fn decimal(number: &DeInteger<'_>) -> String {
    i128::from_str_radix(number.as_str(), number.radix())
        .map_or_else(|_| number.to_string(), |number| number.to_string())
}
