//! Templates by the command: what is imported, in whose place, and what a kill or
//! a full disk leaves.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "all of this is a test, which makes archives and full disks"
)]

mod commands;
mod killed;
mod squashfs;
mod standing;

use std::fs;
use std::path::{Path, PathBuf};

use veld_tests::{Cmd, Host};

/// Lets a host keep its templates in a directory of its own.
fn own_store(host: &Host, store: &Path) {
    fs::create_dir_all(store).unwrap();
    let config = fs::read_to_string(host.config()).unwrap();
    let lines = config.lines().map(|line| match line.split_once('=') {
        Some((key, _)) if key.trim() == "templates" => format!("templates = {store:?}"),
        _ => line.to_owned(),
    });
    let config: Vec<String> = lines.collect();
    fs::write(host.config(), config.join("\n") + "\n").unwrap();
}

/// An archive of a small root, with one file that tells it from others.
fn archive(host: &Host, file: &str) -> PathBuf {
    let tree = host.directory().join("tree");
    let _ = fs::remove_dir_all(&tree);
    fs::create_dir_all(tree.join("etc")).unwrap();
    fs::write(tree.join("etc").join(file), file).unwrap();
    let archive = host.directory().join(format!("{file}.tar"));
    let words = ["-C", path(&tree), "-cf", path(&archive), "."];
    Cmd::program("tar", words).run().done();
    archive
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// All that is in a store.
fn names(store: &Path) -> Vec<String> {
    let entries = fs::read_dir(store).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}
