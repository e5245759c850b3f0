//! One rule per file; `super` holds the tables of them.

pub(super) mod attributes;
pub(super) mod code_map;
pub(super) mod dependencies;
pub(super) mod header;
pub(super) mod licences;
pub(super) mod markers;
pub(super) mod ranks;
pub(super) mod reasons;
pub(super) mod registries;
pub(super) mod sizes;
pub(super) mod unsafety;
pub(super) mod wording;

/// What a rule says of a Rust file with this text, as lines.
#[cfg(test)]
fn said(rule: super::FileRule, path: &str, text: &str) -> Vec<String> {
    let source = super::Source::parse(std::path::Path::new(path), text);
    rule(&source).iter().map(ToString::to_string).collect()
}
