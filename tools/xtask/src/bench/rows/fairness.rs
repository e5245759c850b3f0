//! Whether limits and shares are what they say: time of one processor by units, a
//! part of a processor, and bytes a second to a disk.
//!
//! Time is what the kernel has charged to the VEs' groups while a clock ran.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::super::loops::LoopDisk;
use super::super::table::{Aim, Row, Value};
use super::super::{Bench, host, tiny};
use super::Ve;
use super::load::Load;
use crate::veld::{BENCH, Veld};

/// How often each is measured, and how long.
pub(super) const ROUNDS: usize = 5;
const WINDOW: Duration = Duration::from_secs(3);

/// After a load has begun, so that none of its start is in the first window.
const BEGIN: Duration = Duration::from_secs(1);

const BUSY: &str = "while :; do :; done";

/// Bytes a second, and how many are written at them.
const RATE: (&str, f64) = ("10M", 10_485_760.0);
const MEBIBYTES: usize = 20;

/// What the kernel may be off by, in per cent.
const TIME: f64 = 3.0;
const BYTES: f64 = 10.0;

pub(super) fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let Some(veld) = &bench.veld else {
        return Ok(Vec::new());
    };
    Ok(vec![shares(veld)?, part(veld)?, bytes(bench, veld)?])
}

/// Two busy VEs on one processor, of which one has twice the units.
fn shares(veld: &Veld) -> Result<Row> {
    let one = limited(veld, "fair-one", &["--cpumask=0", "--cpuunits=1000"])?;
    let two = limited(veld, "fair-two", &["--cpumask=0", "--cpuunits=2000"])?;
    let _busy = [Load::begin(&one, BUSY)?, Load::begin(&two, BUSY)?];
    sleep(BEGIN);
    let ratio = || {
        let before = [used(&one)?, used(&two)?];
        sleep(WINDOW);
        let (first, second) = (used(&one)? - before[0], used(&two)? - before[1]);
        Ok(second.as_secs_f64() / first.as_secs_f64())
    };
    row(
        "time of 2000 units beside 1000, on one processor",
        ratio,
        2.0,
        TIME,
    )
}

/// One busy VE that may use half a processor.
fn part(veld: &Veld) -> Result<Row> {
    let half = limited(veld, "fair-half", &["--cpulimit=50%"])?;
    let _busy = Load::begin(&half, BUSY)?;
    sleep(BEGIN);
    let share = || {
        let (before, begun) = (used(&half)?, Instant::now());
        sleep(WINDOW);
        let (used, passed) = (used(&half)? - before, begun.elapsed());
        Ok(used.as_secs_f64() / passed.as_secs_f64())
    };
    row("processors of a cpulimit of 50%", share, 0.5, TIME)
}

/// A VE that writes past the page cache to a disk of the benchmark's own.
fn bytes(bench: &Bench, veld: &Veld) -> Result<Row> {
    let disk = LoopDisk::attach("ext4", &bench.path("fair.img"), &bench.path("fair"))?;
    let there = veld.with_data_in(&bench.path("fair.toml"), disk.directory())?;
    let ve = limited(&there, "fair-disk", &[&format!("--iolimit={}", RATE.0)])?;
    let count = format!("count={MEBIBYTES}");
    let dd = [
        "/bin/busybox",
        "dd",
        "if=/dev/zero",
        "of=/written",
        "bs=1M",
        "oflag=direct",
        &count,
    ];
    let measured = row(
        "bytes written, of an iolimit of 10M a second",
        || {
            let took = ve.exec(&dd)?;
            let bytes = u32::try_from(MEBIBYTES << 20)?;
            Ok(f64::from(bytes) / took.as_secs_f64() / RATE.1)
        },
        1.0,
        BYTES,
    );
    drop(ve);
    disk.detach()?;
    measured
}

/// A VE of the tiny template that has these settings, started.
fn limited<'a>(veld: &'a Veld, name: &'a str, settings: &[&str]) -> Result<Ve<'a>> {
    let options = [&["--network=none"], settings].concat();
    let ve = Ve::create_with(veld, name, tiny::TEMPLATE, &options)?;
    ve.start()?;
    Ok(ve)
}

/// Measures a number a few times and makes a row of the middle one.
fn row(what: &str, measure: impl Fn() -> Result<f64>, wanted: f64, part: f64) -> Result<Row> {
    let measured = (0..ROUNDS).map(|_| measure());
    let mut measured = measured.collect::<Result<Vec<f64>>>()?;
    let middle = super::median(&mut measured);
    println!("   {what}: {middle:.3} ({measured:.3?})");
    Ok(Row {
        what: what.to_owned(),
        veld: Some(Value::Factor(middle)),
        peer: None,
        aim: Aim::Within(Value::Factor(wanted), part),
    })
}

/// Processor time of a VE, as its group is charged with it.
fn used(ve: &Ve<'_>) -> Result<Duration> {
    let group = BENCH.cgroup();
    let file = |name: &str| {
        let directories = host::hierarchies().into_iter();
        let mut files = directories.map(|above| above.join(&group).join(ve.name).join(name));
        files.find(|file| file.exists())
    };
    if let Some(file) = file("cpuacct.usage") {
        let nanoseconds = veld_kernfs::read(&file)?;
        return Ok(Duration::from_nanos(nanoseconds.trim().parse()?));
    }
    let file = file("cpu.stat").with_context(|| format!("{} has no group", ve.name))?;
    let stat = veld_kernfs::read(&file)?;
    let used = veld_kernfs::keyed(&stat, "usage_usec");
    let used = used.with_context(|| format!("no usage_usec in {}", file.display()))?;
    Ok(Duration::from_micros(used.trim().parse()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_the_middle_of_its_rounds() {
        let round = std::cell::Cell::new(0.0);
        let measure = || {
            round.set(round.get() + 1.0);
            Ok(10.0 - round.get())
        };
        let row = row("x", measure, 7.0, 3.0).unwrap();
        assert_eq!(row.veld, Some(Value::Factor(7.0)));
        assert_eq!(row.aim, Aim::Within(Value::Factor(7.0), 3.0));
    }
}
