//! Pressure: the time that processes lost by waiting for something scarce.

use super::files::Files;

/// The pressure on each resource.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[non_exhaustive]
pub struct PressureUsage {
    /// Waiting for a processor.
    pub cpu: Option<Pressure>,
    /// Waiting for memory to be reclaimed.
    pub memory: Option<Pressure>,
    /// Waiting for disks.
    pub io: Option<Pressure>,
}

/// The pressure on one resource.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[non_exhaustive]
pub struct Pressure {
    /// Time in which some process waited.
    pub some: Stall,
    /// Time in which all that had something to do waited. Of processors older
    /// kernels do not tell.
    pub full: Option<Stall>,
}

/// Time lost.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[non_exhaustive]
pub struct Stall {
    /// Per cent of the last ten seconds.
    pub avg10_percent: f64,
    /// Per cent of the last minute.
    pub avg60_percent: f64,
    /// All of it, in microseconds.
    pub total_usec: u64,
}

/// # Kernel
/// Documentation/accounting/psi.rst; for groups Linux 4.20, with a kernel of
/// `CONFIG_PSI` that was not booted with `psi=0`.
pub(super) fn read(files: &mut Files<'_>, pressure: &mut PressureUsage) {
    pressure.cpu = files.text("cpu.pressure").and_then(parse);
    pressure.memory = files.text("memory.pressure").and_then(parse);
    pressure.io = files.text("io.pressure").and_then(parse);
}

fn parse(text: &str) -> Option<Pressure> {
    Some(Pressure {
        some: stall(text, "some ")?,
        full: stall(text, "full "),
    })
}

fn stall(text: &str, kind: &str) -> Option<Stall> {
    let line = text.lines().find_map(|line| line.strip_prefix(kind))?;
    let value = |key: &str| line.split(' ').find_map(|word| word.strip_prefix(key));
    Some(Stall {
        avg10_percent: value("avg10=")?.parse().ok()?,
        avg60_percent: value("avg60=")?.parse().ok()?,
        total_usec: value("total=")?.parse().ok()?,
    })
}
