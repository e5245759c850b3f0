//! `cargo xtask tidy`: the house rules that neither rustfmt nor clippy holds.
//!
//! A rule is a file under `rules/` with one function from what it looks at to
//! [`Finding`]s, and a line in a table here. Rules see Rust files through
//! [`source`], which tells code, comments and string literals apart, so that a
//! rule's own text and tests do not offend it.

mod finding;
mod rules;
mod source;
mod tree;

use anyhow::{Result, bail};
use cargo_metadata::MetadataCommand;

use crate::workspace::Workspace;
use finding::Finding;
use source::Source;
use tree::Tree;

/// A rule that looks at one Rust file.
type FileRule = fn(&Source) -> Vec<Finding>;

const FILE_RULES: &[FileRule] = &[
    rules::attributes::check,
    rules::header::check,
    rules::markers::check,
    rules::reasons::check,
    rules::unsafety::check,
    rules::wording::check,
];

/// Checks everything, prints what is wrong, and fails if anything is.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let tree = Tree::read(workspace.root())?;
    let sources = tree.sources();
    let metadata = MetadataCommand::new()
        .manifest_path(workspace.root().join("Cargo.toml"))
        .exec()?;

    let mut findings: Vec<Finding> = sources
        .iter()
        .flat_map(|source| FILE_RULES.iter().flat_map(move |rule| rule(source)))
        .collect();
    findings.extend(rules::code_map::check(&tree));
    findings.extend(rules::dependencies::check(&tree));
    findings.extend(rules::licences::check(&metadata));
    findings.extend(rules::ranks::check(&metadata));
    findings.extend(rules::registries::check(&tree));

    for note in sources.iter().flat_map(rules::sizes::notes) {
        println!("   note: {note}");
    }
    for finding in &findings {
        println!("   {finding}");
    }
    if !findings.is_empty() {
        bail!(
            "tidy: {} things are against the house rules",
            findings.len()
        );
    }
    println!("   {} Rust files hold the house rules", sources.len());
    Ok(())
}
