//! A template of an archive beside `tar -x`, and of an OCI image beside umoci.
//!
//! Each sample has a new file system of its own: ext4 looks for minutes at each inode
//! that was freed before it makes a file, which takes ten times the unpacking. Veld
//! writes all to the disk before it says that it is done; the peers do not, so that tar
//! is measured once more with a sync.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use super::super::loops::LoopDisk;
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
        let ours = bench
            .veld
            .as_ref()
            .map(|veld| import(bench, veld, &archive));
        let theirs = vec![
            tar(bench, "tar -x", &archive, false),
            tar(bench, "tar -x, sync", &archive, true),
        ];
        let what = format!("unpack a template, {ending}");
        rows.extend(compare(bench, &what, ours, theirs, Aim::Ratio(OF_TAR))?);
    }
    let layout = directory.join("layout");
    if !layout.exists() {
        make_image(&tree, &layout)?;
    }
    let ours = bench.veld.as_ref().map(|veld| import(bench, veld, &layout));
    let theirs = vec![umoci(bench, &layout)];
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

fn import<'a>(bench: &'a Bench, veld: &'a Veld, source: &Path) -> Candidate<'a> {
    let source = source.to_string_lossy().into_owned();
    Candidate::new("veld template import", move || {
        on_new_disk(bench, |disk| {
            let there = veld.with_templates_in(&bench.path("unpack.toml"), &disk.join("store"))?;
            there.timed(["template", "import", &source, "--name", NAME])
        })
    })
}

fn tar<'a>(bench: &'a Bench, name: &str, archive: &Path, sync: bool) -> Candidate<'a> {
    let archive = archive.to_owned();
    Candidate::new(name, move || {
        on_new_disk(bench, |disk| {
            let mut tar = Command::new("tar");
            tar.args(["--numeric-owner", "--xattrs", "--xattrs-include=*", "-C"])
                .arg(disk)
                .arg("-xf")
                .arg(&archive);
            timed(|| {
                run::output(&mut tar)?;
                if sync {
                    run::output(Command::new("sync").arg("-f").arg(disk))?;
                }
                Ok(())
            })
        })
    })
}

fn umoci<'a>(bench: &'a Bench, layout: &Path) -> Candidate<'a> {
    let image = format!("{}:base", layout.display());
    Candidate::new("umoci unpack", move || {
        on_new_disk(bench, |disk| {
            let mut umoci = Command::new("umoci");
            umoci
                .args(["unpack", "--image", &image])
                .arg(disk.join("bundle"));
            timed(|| run::output(&mut umoci).map(drop))
        })
    })
}

/// Calls `measure` with the root of an empty file system, which is gone afterwards.
fn on_new_disk(bench: &Bench, measure: impl FnOnce(&Path) -> Result<Duration>) -> Result<Duration> {
    let image = bench.path("unpack.img");
    let disk = LoopDisk::attach("ext4", &image, &bench.path("unpack-disk"))?;
    let measured = measure(disk.directory());
    disk.detach()?;
    measured
}
