//! What VEs use as JSON: counters since their start, units in the names of keys. A
//! value that this host does not tell is null; a key is never left out.

use serde::Serialize;
use veld_supervisor::{Pressure, Sample, Stall};
use veld_sys::Failure;

use crate::json::{Traffic, seconds};
use crate::output;
use crate::report::Failed;

/// A VE.
#[derive(Debug, Serialize)]
pub(super) struct Ve {
    name: String,
    id: Option<u32>,
    status: &'static str,
    init_pid: i32,
    started_unix_seconds: f64,
    sampled_unix_seconds: f64,
    cpu: Cpu,
    memory: Memory,
    io: Io,
    /// Where somebody counts it.
    disk: Disk,
    network: Option<Network>,
    /// By months, those of earlier runs too.
    traffic: Option<Traffic>,
    processes: Option<u64>,
    pressure: Pressures,
}

#[derive(Debug, Serialize)]
struct Cpu {
    usage_usec: Option<u64>,
    user_usec: Option<u64>,
    system_usec: Option<u64>,
    periods_total: Option<u64>,
    throttled_periods_total: Option<u64>,
    throttled_usec: Option<u64>,
}

#[derive(Debug, Serialize)]
struct Memory {
    used_bytes: Option<u64>,
    limit_bytes: Option<u64>,
    anon_bytes: Option<u64>,
    file_bytes: Option<u64>,
    shmem_bytes: Option<u64>,
    kernel_bytes: Option<u64>,
    sock_bytes: Option<u64>,
    swap_bytes: Option<u64>,
    oom_kills_total: Option<u64>,
}

#[derive(Debug, Serialize)]
struct Io {
    read_bytes: Option<u64>,
    written_bytes: Option<u64>,
    reads_total: Option<u64>,
    writes_total: Option<u64>,
}

#[derive(Debug, Serialize)]
struct Disk {
    used_bytes: Option<u64>,
    limit_bytes: Option<u64>,
    inodes: Option<u64>,
    inodes_limit: Option<u64>,
}

#[derive(Debug, Serialize)]
struct Network {
    received_bytes: u64,
    received_packets_total: u64,
    sent_bytes: u64,
    sent_packets_total: u64,
}

#[derive(Debug, Serialize)]
struct Pressures {
    cpu: Option<Waits>,
    memory: Option<Waits>,
    io: Option<Waits>,
}

#[derive(Debug, Serialize)]
struct Waits {
    some: Wait,
    full: Option<Wait>,
}

#[derive(Debug, Serialize)]
struct Wait {
    avg10_percent: f64,
    avg60_percent: f64,
    total_usec: u64,
}

/// All of them.
pub(super) fn of(samples: &[Sample]) -> Vec<Ve> {
    samples.iter().map(Ve::new).collect()
}

/// Prints a value in one line.
pub(super) fn print_line(value: &impl Serialize) -> Result<(), Failed> {
    let text = serde_json::to_string(value);
    let text = text.map_err(|cause| Failure::new("write JSON", std::io::Error::from(cause)))?;
    output::print(&(text + "\n"))
}

impl Ve {
    fn new(sample: &Sample) -> Self {
        let usage = &sample.usage;
        let (cpu, memory, io) = (&usage.cpu, &usage.memory, &usage.io);

        Self {
            name: sample.name.to_string(),
            id: sample.id,
            status: sample.phase.word(),
            init_pid: sample.init_pid,
            started_unix_seconds: seconds(sample.started),
            sampled_unix_seconds: seconds(sample.at),
            cpu: Cpu {
                usage_usec: cpu.total_usec,
                user_usec: cpu.user_usec,
                system_usec: cpu.system_usec,
                periods_total: cpu.periods,
                throttled_periods_total: cpu.throttled_periods,
                throttled_usec: cpu.throttled_usec,
            },
            memory: Memory {
                used_bytes: memory.used,
                limit_bytes: memory.limit,
                anon_bytes: memory.anon,
                file_bytes: memory.file,
                shmem_bytes: memory.shmem,
                kernel_bytes: memory.kernel,
                sock_bytes: memory.sock,
                swap_bytes: memory.swap,
                oom_kills_total: memory.oom_kills,
            },
            io: Io {
                read_bytes: io.read_bytes,
                written_bytes: io.written_bytes,
                reads_total: io.reads,
                writes_total: io.writes,
            },
            disk: Disk {
                used_bytes: sample.disk.disk,
                limit_bytes: sample.disk.disk_limit,
                inodes: sample.disk.inodes,
                inodes_limit: sample.disk.inode_limit,
            },
            network: sample.network.map(|net| Network {
                received_bytes: net.received_bytes,
                received_packets_total: net.received_packets,
                sent_bytes: net.sent_bytes,
                sent_packets_total: net.sent_packets,
            }),
            traffic: sample.traffic.as_ref().map(Traffic::new),
            processes: usage.processes,
            pressure: Pressures {
                cpu: usage.pressure.cpu.map(Waits::new),
                memory: usage.pressure.memory.map(Waits::new),
                io: usage.pressure.io.map(Waits::new),
            },
        }
    }
}

impl Waits {
    fn new(pressure: Pressure) -> Self {
        let wait = |stall: Stall| Wait {
            avg10_percent: stall.avg10_percent,
            avg60_percent: stall.avg60_percent,
            total_usec: stall.total_usec,
        };
        Self {
            some: wait(pressure.some),
            full: pressure.full.map(wait),
        }
    }
}
