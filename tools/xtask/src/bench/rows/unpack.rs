//! A template of an archive beside `tar -x`, and of an OCI image beside umoci. All
//! unpack into the same file system, and what came out is removed outside the time.
//! Veld writes all to the disk before it says that it is done; the peers do not.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use super::super::sample::{Candidate, timed};
use super::super::table::{Aim, Row};
use super::super::{Bench, trees};
use super::compare;
use crate::place::make_directory;
use crate::run;
use crate::veld::Veld;

const NAME: &str = "unpack";

/// Of the time of `tar -x`: 0.9 of its speed at least.
const OF_TAR: f64 = 1.0 / 0.9;

/// What archives end in, and how tar is told.
const ARCHIVES: [(&str, &str); 2] = [("tar.zst", "--zstd"), ("tar.gz", "--gzip")];

pub(super) fn measure(bench: &Bench) -> Result<Vec<Row>> {
    if let Some(veld) = &bench.veld {
        trees::ensure(bench, veld, "bookworm", "systemd")?;
    }
    let tree = trees::copy(bench, &trees::name("bookworm", "systemd"))?;
    let directory = bench.path("unpack");
    make_directory(&directory)?;
    let mut rows = Vec::new();
    for (ending, flag) in ARCHIVES {
        let archive = directory.join(format!("root.{ending}"));
        if !archive.exists() {
            pack(&tree, &archive, flag)?;
        }
        let ours = bench.veld.as_ref().map(|veld| import(veld, &archive));
        let theirs = vec![tar(&archive, directory.join("tar"))];
        let what = format!("unpack a template, {ending}");
        rows.extend(compare(bench, &what, ours, theirs, Aim::Ratio(OF_TAR))?);
    }
    let layout = directory.join("layout");
    if !layout.exists() {
        make_image(&tree, &layout)?;
    }
    let ours = bench.veld.as_ref().map(|veld| import(veld, &layout));
    let theirs = vec![umoci(&layout, directory.join("bundle"))];
    let what = "unpack an OCI image";
    rows.extend(compare(bench, what, ours, theirs, Aim::Ratio(1.0))?);
    Ok(rows)
}

fn pack(tree: &Path, archive: &Path, flag: &str) -> Result<()> {
    let mut tar = Command::new("tar");
    tar.args(["--numeric-owner", "--xattrs", "--xattrs-include=*", flag])
        .arg("-C")
        .arg(tree)
        .arg("-cf")
        .arg(archive)
        .arg(".");
    run::output(&mut tar).map(drop)
}

fn make_image(tree: &Path, layout: &Path) -> Result<()> {
    let image = format!("{}:base", layout.display());
    let mut init = Command::new("umoci");
    run::output(init.args(["init", "--layout"]).arg(layout))?;
    let mut new = Command::new("umoci");
    run::output(new.args(["new", "--image", &image]))?;
    let mut insert = Command::new("umoci");
    insert
        .args(["insert", "--image", &image])
        .arg(tree)
        .arg("/");
    run::output(&mut insert).map(drop)
}

fn import<'a>(veld: &'a Veld, source: &Path) -> Candidate<'a> {
    let source = source.to_string_lossy().into_owned();
    Candidate::new("veld template import", move || {
        let _ = veld.output(["template", "remove", NAME]);
        let time = veld.timed(["template", "import", &source, "--name", NAME])?;
        veld.output(["template", "remove", NAME])?;
        Ok(time)
    })
}

fn tar(archive: &Path, into: PathBuf) -> Candidate<'static> {
    let archive = archive.to_owned();
    Candidate::new("tar -x", move || {
        remove(&into)?;
        make_directory(&into)?;
        let mut tar = Command::new("tar");
        tar.args(["--numeric-owner", "--xattrs", "--xattrs-include=*", "-C"])
            .arg(&into)
            .arg("-xf")
            .arg(&archive);
        let time = sample(&mut tar)?;
        remove(&into)?;
        Ok(time)
    })
}

fn umoci(layout: &Path, into: PathBuf) -> Candidate<'static> {
    let image = format!("{}:base", layout.display());
    Candidate::new("umoci unpack", move || {
        remove(&into)?;
        let mut umoci = Command::new("umoci");
        umoci.args(["unpack", "--image", &image]).arg(&into);
        let time = sample(&mut umoci)?;
        remove(&into)?;
        Ok(time)
    })
}

fn sample(command: &mut Command) -> Result<Duration> {
    timed(|| run::output(command).map(drop))
}

fn remove(directory: &Path) -> Result<()> {
    if !directory.exists() {
        return Ok(());
    }
    fs::remove_dir_all(directory).with_context(|| format!("cannot remove {}", directory.display()))
}
