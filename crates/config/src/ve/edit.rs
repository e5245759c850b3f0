//! A config as text: a new file, or one that a person wrote, edited.

use std::path::Path;

use toml_edit::{DocumentMut, Item, Table, TableLike, Value};

use super::VeConfig;
use super::settings;
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
    for setting in settings::all() {
        let key = setting.parameter.key;
        let said = |config| (setting.write)(config).map(|value| value.to_string());
        if said(old) == said(new) {
            continue;
        }
        match (setting.write)(new) {
            Some(value) => put(document.as_table_mut(), key, value),
            None => remove(document.as_table_mut(), key),
        }
    }
    Ok(document.to_string())
}

/// Sets a dotted key. A value that was there gives its comment to the new one.
fn put(root: &mut dyn TableLike, key: &str, mut value: Value) {
    let (table, name) = match key.split_once('.') {
        None => (root, key),
        Some((section, name)) => {
            let section = root
                .entry(section)
                .or_insert_with(|| Item::Table(Table::new()));
            let Some(table) = section.as_table_like_mut() else {
                return;
            };
            (table, name)
        }
    };
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
