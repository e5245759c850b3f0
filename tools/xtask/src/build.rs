//! `cargo xtask build`: everything as it is shipped.
//!
//! All three programs are static and at a fixed address: a dynamic loader would
//! cost the command its start-up time, and the shim and the init, of which one
//! copy runs per VE, pages of memory. They are built in a target directory of
//! their own, so that the flags do not throw away what plain cargo built.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::dist;
use crate::place::{COMMAND, INIT, SHIM, Shipped};
use crate::program;
use crate::report;
use crate::root;
use crate::run;
use crate::workspace::{Workspace, host_triple};

/// What to build.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Also a command with numbered fault points, under target/stage-faults
    #[arg(long)]
    faults: bool,
}

/// Needs `--target`, or the flags would reach proc macros, which cannot be static.
const FLAGS: &str = "-C target-feature=+crt-static -C relocation-model=static";

const PROBE: &str = "probe";

/// Builds and stages.
pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    compile(workspace, arguments.faults)?;
    stage(workspace, arguments.faults)?;
    if !root::is_root() {
        println!(
            "   the staged files are not root's: demo, test and bench stage them again as root"
        );
    }
    Ok(())
}

/// The programs as built, each where nothing else writes.
#[derive(Debug)]
struct Built {
    directory: PathBuf,
}

impl Built {
    fn plain(workspace: &Workspace) -> Self {
        Self {
            directory: workspace.target("ship/built"),
        }
    }

    fn faults(workspace: &Workspace) -> Self {
        Self {
            directory: workspace.target("ship/built-faults"),
        }
    }

    fn path(&self, what: &Shipped) -> PathBuf {
        self.directory.join(what.name)
    }

    /// Takes a program out of cargo's directory, where the next build with other
    /// features would put its own.
    fn keep(&self, what: &Shipped, from: &Path) -> Result<()> {
        let to = self.path(what);
        fs::create_dir_all(&self.directory)
            .and_then(|()| fs::copy(from.join(what.name), &to))
            .map(drop)
            .with_context(|| format!("cannot copy {} to {}", what.name, to.display()))
    }
}

/// Compiles, as whoever runs this; with `faults` also the command that has them.
pub(crate) fn compile(workspace: &Workspace, faults: bool) -> Result<()> {
    report::step("build", || {
        let triple = host_triple()?;
        let output = workspace.target("ship").join(&triple);
        let small = ["--profile", "small", "-p", SHIM.name, "-p", INIT.name];
        cargo_build(workspace, &triple, &small)?;
        let built = Built::plain(workspace);
        built.keep(&SHIM, &output.join("small"))?;
        built.keep(&INIT, &output.join("small"))?;
        let release = ["--release", "-p", COMMAND.name];
        cargo_build(workspace, &triple, &release)?;
        built.keep(&COMMAND, &output.join("release"))?;
        if faults {
            let release = ["--release", "-p", COMMAND.name, "--features", "faults"];
            cargo_build(workspace, &triple, &release)?;
            Built::faults(workspace).keep(&COMMAND, &output.join("release"))?;
        }
        for what in [COMMAND, SHIM, INIT] {
            program::must_be_static(&built.path(&what))?;
        }
        program::must_be_small(&built.path(&INIT))
    })
}

/// Compiles the probe of the suites, which is not shipped, by the same flags.
pub(crate) fn compile_probe(workspace: &Workspace) -> Result<()> {
    let triple = host_triple()?;
    let what = ["--release", "-p", "veld-tests", "--bin", PROBE];
    cargo_build(workspace, &triple, &what)?;
    let from = workspace.target("ship").join(triple).join("release");
    fs::copy(from.join(PROBE), probe(workspace))
        .map(drop)
        .with_context(|| format!("cannot copy {PROBE}"))
}

/// Where [`compile_probe`] leaves it.
pub(crate) fn probe(workspace: &Workspace) -> PathBuf {
    workspace.target("ship/built").join(PROBE)
}

/// Makes the prefix trees from what [`compile`] built.
///
/// # Errors
/// Names the path that cannot be written.
pub(crate) fn stage(workspace: &Workspace, faults: bool) -> Result<()> {
    report::step("stage", || {
        let prefix = workspace.stage();
        place_all(workspace, &prefix)?;
        // Below the prefix as if it were a host of its own, for the suites.
        dist::place(&prefix, &prefix)?;
        if faults {
            let prefix = workspace.stage_faults();
            place_all(workspace, &prefix)?;
            let built = Built::faults(workspace).path(&COMMAND);
            COMMAND.place(&built, &prefix)?;
        }
        Ok(())
    })
}

/// Puts all that was built without faults below `prefix`.
pub(crate) fn place_all(workspace: &Workspace, prefix: &Path) -> Result<()> {
    let built = Built::plain(workspace);
    for what in [COMMAND, SHIM, INIT] {
        what.place(&built.path(&what), prefix)?;
        println!("   {}", what.below(prefix).display());
    }
    Ok(())
}

fn cargo_build(workspace: &Workspace, triple: &str, what: &[&str]) -> Result<()> {
    let mut cargo = workspace.cargo(["build", "--quiet", "--target", triple]);
    cargo.arg("--target-dir").arg(workspace.target("ship"));
    cargo.args(what).env("RUSTFLAGS", FLAGS);
    println!("   {}", run::line_of(&cargo));
    run::run(&mut cargo)
}
