//! `cargo xtask demo`: one Debian VE, from its template to its end, with what
//! is promised of it checked on the way and the host as before when it is over.

mod look;

use std::time::Duration;

use anyhow::{Result, bail};

use crate::build;
use crate::deps::{self, Set};
use crate::leaks::Snapshot;
use crate::report::{self, heading};
use crate::root::{self, Phase};
use crate::routing::Routing;
use crate::veld::{DEMO, Veld};
use crate::workspace::Workspace;

const VE: &str = "demo";
const TEMPLATE: &str = "debian";

/// Shows it.
///
/// # Errors
/// A command of veld ends otherwise than with 0, or the VE or the host is not
/// as promised.
pub(crate) fn run(workspace: &Workspace, phase: Phase) -> Result<()> {
    if phase == Phase::Fresh {
        deps::ensure(&[Set::Build, Set::Run])?;
        build::compile(workspace, false)?;
    }
    root::become_root("the demo")?;
    build::stage(workspace, false)?;

    let veld = Veld::with_area(workspace, &DEMO)?;
    // What an interrupted demo left is not part of what the host was.
    veld.clear(VE)?;
    let before = Snapshot::take();
    let routing = Routing::remember()?;

    let shown = show(&veld);
    if shown.is_err() {
        // The reason to end is in `shown`; what this leaves, the snapshot names.
        let _ = veld.clear(VE);
    }
    let restored = routing.restore(&DEMO);
    veld.remove_run_directory();
    heading("the host");
    let same = before.must_hold_again();
    let started = shown?;
    restored?;
    same?;
    println!("\nfrom start to services up: {}", report::time(started));
    Ok(())
}

/// Makes, shows and removes the VE; says how long it took to be up.
fn show(veld: &Veld) -> Result<Duration> {
    heading("template");
    match veld.ensure_debian(TEMPLATE)? {
        Some(time) => println!("   {TEMPLATE}: built in {}", report::time(time)),
        None => println!("   {TEMPLATE}: is there already"),
    }
    heading("create");
    let create = ["create", VE, "--template", TEMPLATE];
    let limits = ["--ram", "512M", "--cpus", "1", "--processes", "500"];
    timed(veld, create.iter().chain(&limits).copied())?;
    heading("start");
    let started = timed(veld, ["start", VE, "--wait"])?;

    look::distribution(veld, VE)?;
    look::services(veld, VE)?;
    look::processes(veld, VE)?;
    look::addresses(veld, VE)?;
    heading("limits, as the kernel has them");
    look::print(&veld.output(["show", VE])?);

    heading("stop and destroy");
    timed(veld, ["stop", VE])?;
    timed(veld, ["destroy", VE])?;
    if veld.has(VE) {
        bail!("{VE} is still there after destroy");
    }
    Ok(started)
}

fn timed<'a>(veld: &Veld, arguments: impl IntoIterator<Item = &'a str>) -> Result<Duration> {
    let arguments: Vec<&str> = arguments.into_iter().collect();
    let time = veld.timed(arguments.iter().copied())?;
    println!("   veld {}: {}", arguments.join(" "), report::time(time));
    Ok(time)
}
