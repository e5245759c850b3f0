//! Clones and snapshots of a Debian that has booted once, so that its layer has files,
//! beside `lxc-copy -s`, which puts a new layer over the root of the other; and on a
//! btrfs of the benchmark's own beside `btrfs subvolume snapshot` and `cp`, which copy
//! files and make no VE of them.
//!
//! A stopped overlay is measured right after it has changed, for what it changes no more
//! costs nothing to keep: each sample is of a full clone of the one that has booted, made
//! before with a machine-id and removed afterwards with all that stands on it. On the
//! disk is what veld has made when it returns; a snapshot that LXC makes of what runs
//! shares what is still written to.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::super::loops::LoopDisk;
use super::super::peers::Lxc;
use super::super::sample::{Candidate, Samples, WARM_UP, in_turns, timed};
use super::super::table::{Aim, Row, Value};
use super::super::{Bench, trees};
use super::boot::{QUESTION, wait_until_running};
use super::{Ve, compare, say};
use crate::run;
use crate::veld::Veld;

const TEMPLATE: &str = "debian";
/// The VE that has booted, one like it for each sample, and what is made of that.
const BOOTED: &str = "clone-booted";
const EACH: &str = "clone-each";
const MADE: &str = "clone-made";
/// LXC's, and its copies. It copies none whose root is not below its own name.
const LXC: [&str; 2] = [TEMPLATE, "clone-copy"];
/// All of its processes sleep, as those of a VE do that is idle.
const SLEEPER: &[&str] = &["/bin/sleep", "1000000"];

const CLONE: &str = "veld clone --linked";
const SNAPSHOT: &str = "veld snapshot create";

const LINKED: &str = "linked clone of a stopped Debian";
const STOPPED: &str = "snapshot of a stopped Debian";
const RUNNING: &str = "snapshot of a running Debian";

pub(super) fn measure(bench: &Bench) -> Result<Vec<Row>> {
    if let Some(veld) = &bench.veld {
        veld.ensure_debian(TEMPLATE)?;
    }
    let mut rows = beside_lxc(bench)?;
    if let Some(veld) = &bench.veld {
        rows.extend(on_btrfs(bench, veld)?);
    }
    Ok(rows)
}

const COPY: &str = "lxc-copy -s";

fn beside_lxc(bench: &Bench) -> Result<Vec<Row>> {
    let booted = bench.veld.as_ref().map(|veld| booted(veld, &[]));
    let booted = booted.transpose()?;
    let root = trees::copy(bench, TEMPLATE)?;
    let lxc = Lxc::define(bench, LXC[0], &root, SLEEPER)?;
    lxc.unshift()?;
    let copying = || vec![Candidate::new(COPY, || lxc.copy_linked(LXC[1]))];
    let linked = booted.as_ref().map(linked);
    let mut rows = linked_rows(bench, linked, copying())?;
    let snapshot = booted.as_ref().map(stopped);
    let aim = Aim::Ratio(1.0);
    rows.extend(compare(bench, STOPPED, snapshot, copying(), aim)?);
    if let Some(ve) = &booted {
        start(ve)?;
    }
    lxc.start()?;
    let snapshot = booted.as_ref().map(snapshot_of);
    let measured = compare(bench, RUNNING, snapshot, copying(), Aim::None);
    lxc.kill()?;
    rows.extend(measured?);
    Ok(rows)
}

/// The time of a linked clone has two aims.
fn linked_rows(
    bench: &Bench,
    veld: Option<Candidate<'_>>,
    peers: Vec<Candidate<'_>>,
) -> Result<Vec<Row>> {
    let measured = veld.is_some();
    let candidates = veld.into_iter().chain(peers).collect();
    let all = in_turns(candidates, WARM_UP, bench.samples)?;
    all.iter().for_each(say);
    let (veld, peers) = all.split_at(usize::from(measured));
    let veld: Option<&Samples> = veld.first();
    let most = Aim::AtMost(Value::Time(Duration::from_millis(10)));
    let mut rows = Row::of(LINKED, veld, &[], most);
    rows.extend(Row::of(LINKED, veld, peers, Aim::Ratio(1.0)));
    Ok(rows)
}

/// Layout btrfs. Its peers are a subvolume's snapshot, and `cp` of the same tree.
fn on_btrfs(bench: &Bench, veld: &Veld) -> Result<Vec<Row>> {
    let image = bench.path("clone.img");
    let disk = LoopDisk::attach("btrfs", &image, &bench.path("clone"))?;
    let there = veld.with_data_in(&bench.path("clone.toml"), disk.directory())?;
    let measured = booted(&there, &["--layout", "btrfs"]).and_then(|ve| {
        let root = disk
            .directory()
            .join("ve")
            .join(BOOTED)
            .join("private/root");
        let peer = disk.directory().join("peer");
        let snapshot = || Candidate::new("btrfs subvolume snapshot", || subvolume(&root, &peer));
        let mut rows = Vec::new();
        let mut row = |what: &str, veld: Candidate<'_>, peer: Candidate<'_>| -> Result<()> {
            let what = format!("{what}, btrfs");
            rows.extend(compare(bench, &what, Some(veld), vec![peer], Aim::None)?);
            Ok(())
        };
        row(LINKED, linked_of(&ve), snapshot())?;
        row(STOPPED, snapshot_of(&ve), snapshot())?;
        let copy = Candidate::new("cp -a --reflink=never, sync", || copied(&root, &peer));
        row("full clone of a stopped Debian", full(&ve), copy)?;
        start(&ve)?;
        row(RUNNING, snapshot_of(&ve), snapshot())?;
        Ok(rows)
    });
    there.empty_trash()?;
    disk.detach()?;
    measured
}

/// A Debian that has booted and was stopped.
fn booted<'a>(veld: &'a Veld, options: &[&str]) -> Result<Ve<'a>> {
    for name in [MADE, EACH] {
        veld.clear(name)?;
    }
    let ve = Ve::create_with(veld, BOOTED, TEMPLATE, options)?;
    start(&ve)?;
    veld.output(["stop", BOOTED])?;
    Ok(ve)
}

fn start(ve: &Ve<'_>) -> Result<()> {
    let begin = Instant::now();
    ve.start()?;
    wait_until_running(begin, || ve.exec_command(QUESTION))
}

/// One like it, as if it had booted too: a clone has no machine-id until it does.
fn each<'a>(booted: &Ve<'a>) -> Result<Ve<'a>> {
    let each = Ve::clone_of(booted, EACH, &["--full"])?;
    let file = Path::new("/proc/sys/kernel/random/boot_id");
    let id = std::fs::read_to_string(file)?.replace('-', "");
    let from = std::env::temp_dir().join(format!("veld-bench-{}", std::process::id()));
    std::fs::write(&from, id)?;
    let to = format!("{EACH}:/etc/machine-id");
    let copied = booted.veld.output(["cp", &from.to_string_lossy(), &to]);
    std::fs::remove_file(&from)?;
    copied.map(|_| each)
}

fn linked<'a>(booted: &'a Ve<'_>) -> Candidate<'a> {
    Candidate::new(CLONE, || {
        let each = each(booted)?;
        let time = clone_linked(&each)?;
        drop(each);
        Ok(time)
    })
}

/// The same of one that is as changed as it was, however often it is cloned.
fn linked_of<'a>(ve: &'a Ve<'_>) -> Candidate<'a> {
    Candidate::new(CLONE, || clone_linked(ve))
}

fn clone_linked(ve: &Ve<'_>) -> Result<Duration> {
    ve.veld.empty_trash()?;
    let time = ve.veld.timed(["clone", ve.name, MADE, "--linked"])?;
    ve.veld.output(["destroy", MADE])?;
    Ok(time)
}

fn full<'a>(booted: &'a Ve<'_>) -> Candidate<'a> {
    Candidate::new("veld clone --full", || {
        booted.veld.empty_trash()?;
        let time = booted.veld.timed(["clone", BOOTED, MADE, "--full"])?;
        booted.veld.output(["destroy", MADE])?;
        Ok(time)
    })
}

fn stopped<'a>(booted: &'a Ve<'_>) -> Candidate<'a> {
    Candidate::new(SNAPSHOT, || {
        let each = each(booted)?;
        booted.veld.empty_trash()?;
        let time = booted.veld.timed(["snapshot", "create", EACH])?;
        drop(each);
        Ok(time)
    })
}

/// Of one that is as changed as it was, however many snapshots it has; or runs.
fn snapshot_of<'a>(ve: &'a Ve<'_>) -> Candidate<'a> {
    Candidate::new(SNAPSHOT, || {
        ve.veld.empty_trash()?;
        let time = ve.veld.timed(["snapshot", "create", ve.name, MADE])?;
        ve.veld.output(["snapshot", "delete", ve.name, MADE])?;
        Ok(time)
    })
}

/// Makes a snapshot of a subvolume and removes it.
fn subvolume(root: &Path, to: &Path) -> Result<Duration> {
    let mut snapshot = btrfs("snapshot");
    snapshot.arg(root).arg(to);
    let time = timed(|| run::output(&mut snapshot).map(drop))?;
    run::output(btrfs("delete").arg(to))?;
    Ok(time)
}

fn btrfs(action: &str) -> Command {
    let mut command = Command::new("btrfs");
    command.args(["subvolume", action]);
    command
}

/// Copies a tree, sharing nothing and onto the disk as veld does, and removes it.
fn copied(root: &Path, to: &Path) -> Result<Duration> {
    let mut copy = Command::new("cp");
    copy.args(["-a", "--reflink=never"]).arg(root).arg(to);
    let mut sync = Command::new("sync");
    sync.arg("-f").arg(to);
    let time = timed(|| {
        run::output(&mut copy)?;
        run::output(&mut sync).map(drop)
    })?;
    std::fs::remove_dir_all(to)?;
    Ok(time)
}
