//! A config as text: a new file, or one that a person wrote, edited.

use std::path::Path;

use toml_edit::{DocumentMut, InlineTable, Item, Table, TableLike, Value};

use super::key::OPENVZ_WORDS;
use super::{VeConfig, settings};
use crate::ConfigError;
use crate::document::Lines;

/// Above the first key of a new file.
const HEADER: &str = "\
# Settings of one VE. This file may be edited by hand: comments are kept, and
# what is wrong in it is reported with its line. What is edited here counts from
# the next start or veld set, which changes the file and the VE that runs together.
#
# Sizes: bytes, or a number with K, M, G, T or P (pages), as \"512M\" or \"1.5G\".
# Not limited is what is not set. veld set --list tells every key and its meaning.
# init: auto, hand-over, supervise, or instead of the distribution's init the
# path of another, of a program with its operands, or of a directory of services.

";

/// A new file that says all that `config` says.
pub(super) fn new_file(config: &VeConfig) -> String {
    let mut document = DocumentMut::new();
    for setting in settings::all() {
        if let Some(value) = (setting.write)(config) {
            put(document.as_table_mut(), setting.parameter.key, value);
        }
    }
    format!("{HEADER}{document}")
}

/// `text`, which says `old`, changed to say `new`.
pub(super) fn edit(
    file: &Path,
    text: &str,
    old: &VeConfig,
    new: &VeConfig,
) -> Result<String, ConfigError> {
    let mut document: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| {
        ConfigError::one(Lines::new(file, text).syntax(error.span(), error.message()))
    })?;
    let renamed = our_words(&mut document);
    for setting in settings::all() {
        let key = setting.parameter.key;
        let said = |config| (setting.write)(config).map(|value| value.to_string());
        if said(old) == said(new) && !renamed.iter().any(|renamed| renamed == key) {
            continue;
        }
        match (setting.write)(new) {
            Some(value) => put(document.as_table_mut(), key, value),
            None => remove(document.as_table_mut(), key),
        }
    }
    Ok(document.to_string())
}

/// Takes OpenVZ's words out; the keys that are to say it instead.
fn our_words(document: &mut DocumentMut) -> Vec<String> {
    let storage = document
        .get_mut("storage")
        .and_then(Item::as_table_like_mut);
    let Some(storage) = storage else {
        return Vec::new();
    };
    let mut there = OPENVZ_WORDS.to_vec();
    there.retain(|(word, _)| storage.remove(word).is_some());
    let ours = there.into_iter();
    ours.map(|(_, own)| format!("storage.{own}")).collect()
}

/// Sets a dotted key. A value that was there gives its comment to the new one; a
/// table becomes a section.
fn put(root: &mut dyn TableLike, key: &str, mut value: Value) {
    let (section, name) = match key.split_once('.') {
        None => (None, key),
        Some((section, name)) => (Some(section), name),
    };
    let table = match section {
        None => root,
        Some(section) => match self::section(root, section) {
            Some(table) => table,
            None => return,
        },
    };
    if let Value::InlineTable(tables) = value {
        if let Some(section) = self::section(table, name) {
            put_all(section, tables);
        }
        return;
    }
    match table.get_mut(name) {
        Some(Item::Value(old)) => {
            *value.decor_mut() = old.decor().clone();
            *old = value;
        }
        _ => {
            table.insert(name, Item::Value(value));
        }
    }
}

/// Makes a section have these keys and no others.
fn put_all(section: &mut dyn TableLike, values: InlineTable) {
    let gone: Vec<String> = section
        .iter()
        .map(|(key, _)| key.to_owned())
        .filter(|key| !values.contains_key(key))
        .collect();
    for key in gone {
        section.remove(&key);
    }
    for (key, value) in values {
        put(section, &key, value);
    }
}

/// The section of this name, which is made where there is none.
fn section<'t>(root: &'t mut dyn TableLike, name: &str) -> Option<&'t mut dyn TableLike> {
    let section = root.entry(name).or_insert_with(|| {
        let mut table = Table::new();
        // Without keys of its own it needs no line.
        table.set_implicit(true);
        Item::Table(table)
    });
    section.as_table_like_mut()
}

/// Removes a dotted key, and the comment right above it.
fn remove(root: &mut dyn TableLike, key: &str) {
    match key.split_once('.') {
        None => root.remove(key),
        Some((section, name)) => root
            .get_mut(section)
            .and_then(Item::as_table_like_mut)
            .and_then(|table| table.remove(name)),
    };
}
