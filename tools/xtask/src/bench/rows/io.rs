//! What fio reads and writes a second in a VE, beside a directory of the host's and
//! beside LXC, all on one file system and with the same program.
//!
//! Each has a file of its own, laid out before it is measured. Direct I/O goes past
//! the page cache, so that the disk is measured, and the layers before it; what is
//! cached is measured once more, where nothing but the layers takes time.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::super::peers::Lxc;
use super::super::table::Row;
use super::super::{Bench, tiny};
use super::{Ve, rates};
use crate::run;
use crate::veld::Veld;

/// Rounds of each row, and how many are thrown away before them.
pub(in super::super) const ROUNDS: usize = 9;
const WARM_UP: usize = 1;

const TEMPLATE: &str = "fio";
const FIO: &str = "/usr/bin/fio";
/// In the root of a VE and of LXC's.
const FILE: &str = "/fio.file";

/// What is common to all jobs: without shared memory, which a tiny root has none of,
/// for a second, its results in one line.
const COMMON: &[&str] = &[
    "--minimal",
    "--name=job",
    "--thread",
    "--size=256M",
    "--time_based",
    "--runtime=1",
    "--ioengine=psync",
];

/// What is said of each, and what fio is told.
const JOBS: &[(&str, &[&str])] = &[
    (
        "write 1 MiB pieces, direct",
        &["--rw=write", "--bs=1M", "--direct=1"],
    ),
    (
        "read 1 MiB pieces, direct",
        &["--rw=read", "--bs=1M", "--direct=1"],
    ),
    (
        "write 4 KiB at random, direct",
        &["--rw=randwrite", "--bs=4k", "--direct=1"],
    ),
    (
        "read 4 KiB at random, direct",
        &["--rw=randread", "--bs=4k", "--direct=1"],
    ),
    (
        "read 4 KiB at random, cached",
        &["--rw=randread", "--bs=4k", "--norandommap", "--pre_read=1"],
    ),
    (
        "write 4 KiB at random, cached",
        &["--rw=randwrite", "--bs=4k", "--norandommap"],
    ),
];

/// Of what the host and LXC do.
const AIMS: [f64; 2] = [0.98, 0.98];

/// Makes a command line with fio's words at its end.
type Program<'a> = Box<dyn Fn() -> Command + 'a>;

pub(super) fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let root = tiny::with_program(bench, TEMPLATE, FIO)?;
    let ve = bench.veld.as_ref().map(|veld| veld_side(veld, &root));
    let ve = ve.transpose()?;
    let lxc = Lxc::define(bench, TEMPLATE, &root, tiny::SLEEPER)?;
    lxc.start()?;
    let here = bench.fresh_directory("fio-here")?.join("file");
    let here = here.to_string_lossy().into_owned();
    let mut sides: Vec<(&str, String, Program<'_>)> = Vec::new();
    if let Some(ve) = &ve {
        let program = Box::new(|| ve.exec_command(&[FIO]));
        sides.push(("veld", FILE.to_owned(), program));
    }
    sides.push(("the host", here, Box::new(|| Command::new(FIO))));
    let program = Box::new(|| lxc.attach_command(&[FIO]));
    sides.push(("lxc", FILE.to_owned(), program));
    let names: Vec<&str> = sides.iter().map(|(name, ..)| *name).collect();
    let measured = jobs(&sides, &names, bench.veld.is_some());
    drop(sides);
    lxc.kill()?;
    lxc.destroy()?;
    measured
}

fn jobs(
    sides: &[(&str, String, Program<'_>)],
    names: &[&str],
    with_veld: bool,
) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (what, words) in JOBS {
        let take = |index: usize| {
            let (_, file, program) = sides.get(index).context("there is no such side")?;
            let mut fio = program();
            fio.args(COMMON)
                .args(*words)
                .arg(format!("--filename={file}"));
            let said = run::output(&mut fio)?;
            moved(&said).with_context(|| format!("cannot read what fio said: {said}"))
        };
        let medians = rates::in_turns(names, WARM_UP, ROUNDS, take).context(*what)?;
        rows.extend(rates::rows_of(what, with_veld, names, &medians, &AIMS));
    }
    Ok(rows)
}

fn veld_side<'a>(veld: &'a Veld, root: &Path) -> Result<Ve<'a>> {
    veld.import(TEMPLATE, root)?;
    let ve = Ve::create_with(veld, TEMPLATE, TEMPLATE, &["--network", "none"])?;
    ve.start()?;
    Ok(ve)
}

/// Bytes a second that were read or written: fio's terse version 3 has the bandwidth
/// of both, in KiB/s, in its 7th and its 48th field.
fn moved(said: &str) -> Option<f64> {
    let line = said.lines().find(|line| line.starts_with("3;"))?;
    let field = |number: usize| line.split(';').nth(number - 1)?.parse::<f64>().ok();
    Some((field(7)? + field(48)?) * 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_what_was_read_and_written() {
        let fields = |read: &str, written: &str| {
            let mut fields = vec!["0"; 130];
            if let Some(field) = fields.get_mut(0) {
                *field = "3";
            }
            if let Some(field) = fields.get_mut(6) {
                *field = read;
            }
            if let Some(field) = fields.get_mut(47) {
                *field = written;
            }
            fields.join(";")
        };
        assert_eq!(moved(&fields("100", "0")), Some(102_400.0));
        let said = format!("fio: something to say\n{}\n", fields("0", "3"));
        assert_eq!(moved(&said), Some(3072.0));
        assert_eq!(moved("fio: no file"), None);
        assert_eq!(moved("3;fio-3.33;job"), None);
    }
}
