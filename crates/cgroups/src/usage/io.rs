//! Reads and writes of disks, all disks together.

use super::files::Files;

/// What was read from disks and written to them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct IoUsage {
    /// Bytes read.
    pub read_bytes: Option<u64>,
    /// Bytes written.
    pub written_bytes: Option<u64>,
    /// Operations that read.
    pub reads: Option<u64>,
    /// Operations that wrote.
    pub writes: Option<u64>,
}

pub(super) fn read_v2(files: &mut Files<'_>, io: &mut IoUsage) {
    let Some(text) = files.text("io.stat") else {
        return;
    };
    // A group that has used no disk has no line.
    *io = IoUsage {
        read_bytes: Some(sum_of(text, "rbytes=")),
        written_bytes: Some(sum_of(text, "wbytes=")),
        reads: Some(sum_of(text, "rios=")),
        writes: Some(sum_of(text, "wios=")),
    };
}

/// Of `8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6` the sum over the lines.
fn sum_of(text: &str, key: &str) -> u64 {
    let words = text.split_ascii_whitespace();
    let values = words.filter_map(|word| word.strip_prefix(key)?.parse::<u64>().ok());
    values.fold(0, u64::saturating_add)
}

pub(super) fn read_v1(files: &mut Files<'_>, io: &mut IoUsage) {
    if let Some(text) = files.text("blkio.throttle.io_service_bytes_recursive") {
        io.read_bytes = Some(sum_in(text, "Read"));
        io.written_bytes = Some(sum_in(text, "Write"));
    }
    if let Some(text) = files.text("blkio.throttle.io_serviced_recursive") {
        io.reads = Some(sum_in(text, "Read"));
        io.writes = Some(sum_in(text, "Write"));
    }
}

/// Of lines `8:0 Read 4096` the sum of one kind.
fn sum_in(text: &str, kind: &str) -> u64 {
    let values = text.lines().filter_map(|line| {
        let mut words = line.split_ascii_whitespace().skip(1);
        let is_it = words.next()? == kind;
        words.next()?.parse::<u64>().ok().filter(|_| is_it)
    });
    values.fold(0, u64::saturating_add)
}
