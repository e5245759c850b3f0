//! The guest's disk: what the suites keep in their cache, on a file system of
//! its own that can be idmapped.
//!
//! It is made once for its content, which its name tells, and booted as a base
//! that nobody writes to.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::place::make_directory;
use crate::report;
use crate::run;
use crate::workspace::Workspace;

/// Changed when disks are to be made anew.
const RECIPE: u32 = 1;

/// Far more than templates take; the file has holes.
const SIZE: &str = "8G";

/// A file with an ext4 on it.
#[derive(Debug)]
pub(super) struct Disk {
    pub(super) path: PathBuf,
}

impl Disk {
    /// Makes it, unless it is there, and first the templates on it.
    ///
    /// # Errors
    /// A template cannot be built, or the disk not be written.
    pub(super) fn ensure(workspace: &Workspace) -> Result<Self> {
        let cache = workspace.target("test-cache");
        make_directory(&cache)?;
        let content = content(workspace, &cache)?;
        let disks = workspace.target("vm-cache/disks");
        let name = content.join("+").replace('/', "-");
        let path = disks.join(format!("{name}-{RECIPE}.ext4"));
        if !path.is_file() {
            make_directory(&disks)?;
            report::step("disk", || make(&cache, &content, &path))?;
        }
        Ok(Self { path })
    }
}

/// Compiles the program that makes what is on it, as the user.
///
/// # Errors
/// It does not compile.
pub(super) fn compile(workspace: &Workspace) -> Result<()> {
    run::run(&mut workspace.cargo(["build", "--quiet", "-p", "veld-tests", "--bin", "prepare"]))
}

/// What is on it, as paths below the cache. The harness knows how it is made.
fn content(workspace: &Workspace, cache: &Path) -> Result<Vec<String>> {
    let mut prepare = workspace.cargo(["run", "--quiet", "-p", "veld-tests"]);
    prepare.args(["--bin", "prepare"]);
    prepare
        .env("VELD_STAGE", workspace.stage())
        .env("VELD_TEST_CACHE", cache)
        .env("VELD_TEST_DISPOSABLE", "1");
    let listed = run::output(&mut prepare)?;
    Ok(listed.lines().map(str::to_owned).collect())
}

fn make(cache: &Path, content: &[String], path: &Path) -> Result<()> {
    let tree = path.with_extension("tree");
    let beside = path.with_extension("new");
    remove(&tree)?;
    for name in content {
        let to = tree.join(name);
        let above = to.parent().unwrap_or(&tree);
        fs::create_dir_all(above).with_context(|| format!("cannot make {}", above.display()))?;
        let mut copy = Command::new("cp");
        copy.args(["-a", "--reflink=auto"]);
        run::run(copy.arg(cache.join(name)).arg(&to))?;
    }
    // Without quota, which not every kernel mounts.
    let mut format = Command::new("mkfs.ext4");
    format.args(["-q", "-F", "-O", "^quota,^has_journal", "-d"]);
    run::run(format.arg(&tree).arg(&beside).arg(SIZE))?;
    remove(&tree)?;
    fs::rename(&beside, path).with_context(|| format!("cannot keep {}", beside.display()))
}

fn remove(tree: &Path) -> Result<()> {
    if !tree.exists() {
        return Ok(());
    }
    fs::remove_dir_all(tree).with_context(|| format!("cannot remove {}", tree.display()))
}
