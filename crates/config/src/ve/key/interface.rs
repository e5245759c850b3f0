//! Assignments to an interface as a whole, `net.eth1=bridge:br0,ip=10.0.1.2/24`, and
//! to one of its keys, `net.eth1.mtu=1400`.
//!
//! The first interface is what `[network]` says, and may be named like the others.

use std::collections::BTreeMap;
use std::fmt;

use veld_units::Quoted;

use super::spoken::{self, Spoken};
use super::{Assignment, Change, Key, ONE_VALUE};
use crate::document::{Value, nearest};
use crate::ve::settings::interface::{Row, row, rows};
use crate::{Interface, Invalid, Slot};

/// What of the table of interfaces is meant.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    pub(super) slot: Slot,
    /// One key; all of it where there is none.
    row: Option<&'static Row>,
}

impl Part {
    /// Whether what the other means is within this.
    pub(super) fn covers(self, other: Self) -> bool {
        self.slot == other.slot && (self.row.is_none() || self == other)
    }

    fn key(self) -> Option<&'static str> {
        self.row.map(|row| row.key)
    }
}

impl PartialEq for Part {
    fn eq(&self, other: &Self) -> bool {
        self.slot == other.slot && self.key() == other.key()
    }
}

impl Eq for Part {}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.slot)?;
        self.key().map_or(Ok(()), |key| write!(f, ".{key}"))
    }
}

/// Reads what stands behind `net.`.
pub(super) fn assignment(
    text: &str,
    path: &str,
    change: Change,
    value: &str,
) -> Result<Assignment, Invalid> {
    let (slot, key) = path.split_once('.').unwrap_or((path, ""));
    let slot: Slot = slot.parse()?;
    let row = (!key.is_empty()).then(|| known(key)).transpose()?;
    let of_first = row.filter(|_| slot == Slot::FIRST);
    if let Some(row) = of_first {
        let name = format!("network.{}", row.key);
        return Assignment::checked(text, name.parse()?, change, value);
    }
    let is_list = row.is_some_and(Row::is_list);
    if change != Change::Set && !is_list {
        return Err(Invalid::form(text, "a setting", ONE_VALUE));
    }
    let refused = |place: String, what: String| Invalid::Part { place, what };
    match row {
        Some(row) if !value.is_empty() => {
            let spoken = spoken(row, value);
            let place = format!("net.{slot}.{}", row.key);
            reads(row, &spoken).map_err(|what| refused(place, what))?;
        }
        None if !value.is_empty() => {
            parse(value).map_err(|what| refused(format!("net.{slot}"), what))?;
        }
        Some(_) | None => {}
    }
    Ok(Assignment {
        key: "net".parse()?,
        part: Some(Part { slot, row }),
        change,
        value: value.to_owned(),
    })
}

fn known(key: &str) -> Result<&'static Row, Invalid> {
    row(key).ok_or_else(|| {
        let known: Vec<&str> = rows().iter().map(|row| row.key).collect();
        let near = nearest(key, &known).map(|near| format!("net.ethN.{near}"));
        let text = format!("net.ethN.{key}");
        Invalid::Key { text, near }
    })
}

/// What the interfaces but the first say after a change of one.
pub(super) fn changed(
    assignment: &Assignment,
    part: Part,
    now: Option<Spoken>,
) -> Result<Option<Spoken>, String> {
    let mut tables = match now {
        Some(Spoken::Table(tables)) => tables,
        Some(Spoken::One(_) | Spoken::Switch(_) | Spoken::List(_)) | None => BTreeMap::new(),
    };
    let name = part.slot.to_string();
    let Some(row) = part.row else {
        if assignment.value.is_empty() {
            tables.remove(&name);
        } else {
            tables.insert(name, Spoken::Table(parse(&assignment.value)?));
        }
        return Ok(Some(Spoken::Table(tables)));
    };
    let Some(Spoken::Table(keys)) = tables.get_mut(&name) else {
        return Err(format!("there is no {name}: net.{name}=MODE makes one"));
    };
    let old = keys.remove(row.key);
    let value = (!assignment.value.is_empty()).then(|| spoken(row, &assignment.value));
    let same = |one: &str, other: &str| spoken::same(one, other, |list| reads(row, list).is_ok());
    let new = match assignment.change {
        Change::Set => value,
        Change::Add => Some(Spoken::with(old, value)),
        Change::Remove => Some(Spoken::without(old, value, same)?),
    };
    keys.extend(new.map(|new| (row.key.to_owned(), new)));
    Ok(Some(Spoken::Table(tables)))
}

/// The assignments to keys of `[network]` that one to all of `eth0` stands for.
pub(super) fn parts_of_first(assignment: &Assignment) -> Option<Vec<Assignment>> {
    let part = assignment.part?;
    if part.slot != Slot::FIRST {
        return None;
    }
    let said = if assignment.value.is_empty() {
        // An interface that is taken away leaves a VE without a network.
        BTreeMap::from([("mode".to_owned(), Spoken::One("none".to_owned()))])
    } else {
        parse(&assignment.value).ok()?
    };
    let of_row = |row: &Row| {
        let key: Key = format!("network.{}", row.key).parse().ok()?;
        let value = said.get(row.key).map(Spoken::to_string);
        Some(Assignment::new(key, &value.unwrap_or_default()))
    };
    Some(rows().iter().filter_map(of_row).collect())
}

/// Reads all of an interface: `MODE[:LINK]{,KEY=VALUE}`; of a list, each element
/// with its key.
fn parse(text: &str) -> Result<BTreeMap<String, Spoken>, String> {
    let mut words = text.split(',');
    let mode = words.next().unwrap_or_default();
    let (mode, link) = match mode.split_once(':') {
        None => (mode, None),
        Some((mode, link)) => (mode, Some(link)),
    };
    let mut said: BTreeMap<String, Spoken> = BTreeMap::new();
    let first = [("mode", Some(mode)), ("link", link)];
    let first = first
        .into_iter()
        .filter_map(|(key, value)| Some((key, value?)));
    let others = words.map(|word| {
        let form = || format!("{} is not KEY=VALUE", Quoted(word));
        word.split_once('=').ok_or_else(form)
    });
    for word in first.map(Ok).chain(others) {
        let (key, value) = word?;
        let row = known(key).map_err(|invalid| invalid.to_string())?;
        let new = spoken(row, value);
        reads(row, &new).map_err(|what| format!("{key}: {what}"))?;
        let old = said.remove(key);
        if old.is_some() && !row.is_list() {
            return Err(format!("{key} is there twice"));
        }
        let new = if row.is_list() {
            Spoken::with(old, Some(new))
        } else {
            new
        };
        said.insert(key.to_owned(), new);
    }
    Ok(said)
}

/// The text that [`parse`] reads.
pub(super) fn whole(keys: &BTreeMap<String, Spoken>) -> String {
    let one = |key: &str| keys.get(key).map(Spoken::to_string);
    let mut text = one("mode").unwrap_or_default();
    if let Some(link) = one("link") {
        text.push(':');
        text.push_str(&link);
    }
    let others = rows().iter().map(|row| row.key);
    for key in others.filter(|key| !["mode", "link"].contains(key)) {
        let values = match keys.get(key) {
            Some(Spoken::List(elements)) => elements.clone(),
            Some(value) => vec![value.to_string()],
            None => Vec::new(),
        };
        for value in values {
            text.push_str(&format!(",{key}={value}"));
        }
    }
    text
}

fn spoken(row: &Row, text: &str) -> Spoken {
    if row.is_list() {
        Spoken::list(text)
    } else {
        Spoken::One(text.to_owned())
    }
}

fn reads(row: &Row, spoken: &Spoken) -> Result<(), String> {
    let value = spoken.value();
    row.read(&mut Interface::default(), &Value::new(&value))
        .map_err(|complaints| {
            let whats: Vec<String> = complaints.into_iter().map(|it| it.what).collect();
            whats.join("; ")
        })
}
