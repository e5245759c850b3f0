//! The columns of the table: what each shows, and what it is sorted by.

use std::cmp::Ordering;

use clap::ValueEnum;
use veld_supervisor::{Rates, Sample};

use crate::amount::{percent, share, size, time};
use crate::json;
use crate::output::escape;

/// What a column shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Column {
    Name,
    Id,
    Status,
    Uptime,
    #[value(name = "cpu%", alias = "cpu")]
    CpuPercent,
    #[value(name = "cputime")]
    CpuTime,
    Throttled,
    Mem,
    Limit,
    #[value(name = "mem%")]
    MemPercent,
    Swap,
    Anon,
    File,
    Shmem,
    Kernel,
    Sock,
    Oom,
    Read,
    Write,
    Reads,
    Writes,
    Rx,
    Tx,
    #[value(name = "rxpkts")]
    RxPackets,
    #[value(name = "txpkts")]
    TxPackets,
    Month,
    Total,
    Procs,
    #[value(name = "psi-cpu")]
    PsiCpu,
    #[value(name = "psi-mem")]
    PsiMem,
    #[value(name = "psi-io")]
    PsiIo,
    Disk,
    #[value(name = "disk-limit")]
    DiskLimit,
    Inodes,
}

/// What fits a terminal of 120 columns.
pub(super) const USUAL: [Column; 17] = [
    Column::Name,
    Column::Status,
    Column::CpuPercent,
    Column::Mem,
    Column::Limit,
    Column::MemPercent,
    Column::Swap,
    Column::Anon,
    Column::File,
    Column::Kernel,
    Column::Read,
    Column::Write,
    Column::Rx,
    Column::Tx,
    Column::Procs,
    Column::PsiCpu,
    Column::PsiMem,
];

/// A VE in the table.
#[derive(Debug, Clone)]
pub(crate) struct Row<'a> {
    pub(crate) sample: &'a Sample,
    pub(crate) rates: Rates,
    pub(crate) host_memory: Option<u64>,
}

/// A column's value: numbers are sorted as such.
#[derive(Debug, Clone, PartialEq)]
enum Value {
    Text(String),
    Size(Option<u64>),
    Count(Option<u64>),
    Time(Option<u64>),
    Percent(Option<f64>),
}

impl Value {
    fn text(&self) -> String {
        let none = || "-".to_owned();
        match self {
            Value::Text(text) => escape(text),
            Value::Size(bytes) => bytes.map_or_else(none, size),
            Value::Count(count) => count.map_or_else(none, |count| count.to_string()),
            Value::Time(usec) => usec.map_or_else(none, time),
            Value::Percent(value) => value.map_or_else(none, percent),
        }
    }

    fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Value::Text(a), Value::Text(b)) => a.cmp(b),
            (Value::Percent(Some(a)), Value::Percent(Some(b))) => a.total_cmp(b),
            (Value::Percent(a), Value::Percent(b)) => a.is_some().cmp(&b.is_some()),
            (Value::Size(a), Value::Size(b))
            | (Value::Count(a), Value::Count(b))
            | (Value::Time(a), Value::Time(b)) => a.cmp(b),
            // Of one column all are of one kind.
            (
                Value::Text(_)
                | Value::Size(_)
                | Value::Count(_)
                | Value::Time(_)
                | Value::Percent(_),
                _,
            ) => Ordering::Equal,
        }
    }
}

impl Column {
    pub(super) fn header(self) -> String {
        self.to_possible_value()
            .map(|value| value.get_name().to_uppercase())
            .unwrap_or_default()
    }

    pub(super) fn cell(self, row: &Row<'_>) -> String {
        match (self, row.sample.started) {
            (Column::Uptime, started) => json::uptime(&started),
            _ => self.value(row).text(),
        }
    }

    fn value(self, row: &Row<'_>) -> Value {
        let sample = row.sample;
        let usage = &sample.usage;
        let (cpu, memory, io) = (&usage.cpu, &usage.memory, &usage.io);
        let network = sample.network;
        let waited = usage.pressure;
        match self {
            Column::Name => Value::Text(sample.name.to_string()),
            Column::Id => Value::Count(sample.id.map(u64::from)),
            Column::Status => Value::Text(sample.phase.word().to_owned()),
            Column::Uptime => Value::Count(Some(sample.at.since(sample.started).as_secs())),
            Column::CpuPercent => Value::Percent(row.rates.cpu_percent),
            Column::CpuTime => Value::Time(cpu.total_usec),
            Column::Throttled => Value::Time(cpu.throttled_usec),
            Column::Mem => Value::Size(memory.used),
            Column::Limit => Value::Size(memory.limit),
            Column::MemPercent => Value::Percent(row.memory_percent()),
            Column::Swap => Value::Size(memory.swap),
            Column::Anon => Value::Size(memory.anon),
            Column::File => Value::Size(memory.file),
            Column::Shmem => Value::Size(memory.shmem),
            Column::Kernel => Value::Size(memory.kernel),
            Column::Sock => Value::Size(memory.sock),
            Column::Oom => Value::Count(memory.oom_kills),
            Column::Read => Value::Size(io.read_bytes),
            Column::Write => Value::Size(io.written_bytes),
            Column::Reads => Value::Count(io.reads),
            Column::Writes => Value::Count(io.writes),
            Column::Rx => Value::Size(network.map(|net| net.received_bytes)),
            Column::Tx => Value::Size(network.map(|net| net.sent_bytes)),
            Column::RxPackets => Value::Count(network.map(|net| net.received_packets)),
            Column::TxPackets => Value::Count(network.map(|net| net.sent_packets)),
            Column::Month => Value::Size(sample.traffic.map(|it| it.this_month.bytes())),
            Column::Total => Value::Size(sample.traffic.map(|it| it.total.bytes())),
            Column::Procs => Value::Count(usage.processes),
            Column::PsiCpu => Value::Percent(waited.cpu.map(|cpu| cpu.some.avg10_percent)),
            Column::PsiMem => Value::Percent(waited.memory.map(|mem| mem.some.avg10_percent)),
            Column::PsiIo => Value::Percent(waited.io.map(|io| io.some.avg10_percent)),
            Column::Disk => Value::Size(sample.disk.disk),
            Column::DiskLimit => Value::Size(sample.disk.disk_limit),
            Column::Inodes => Value::Count(sample.disk.inodes),
        }
    }
}

impl Row<'_> {
    /// Of its limit, or of what the host has.
    pub(crate) fn memory_percent(&self) -> Option<f64> {
        let most = self.sample.memory_at_most(self.host_memory)?;
        share(self.sample.usage.memory.used?, most)
    }
}

/// A column to sort by, and whether the greatest comes first.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Order {
    column: Column,
    reverse: bool,
}

impl std::str::FromStr for Order {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, reverse) = match text.strip_prefix('-') {
            Some(name) => (name, true),
            None => (text, false),
        };
        let column = Column::from_str(name, false).map_err(|_| {
            let all: Vec<String> = Column::value_variants()
                .iter()
                .map(|column| column.header().to_lowercase())
                .collect();
            let quoted = veld_units::Quoted(text).to_string();
            format!("{quoted} is not a column: allowed are {}", all.join(", "))
        })?;
        Ok(Self { column, reverse })
    }
}

impl Order {
    /// Sorts; those that are equal stay in the order of their names.
    pub(super) fn sort(self, rows: &mut [Row<'_>]) {
        rows.sort_by(|a, b| {
            let ordering = self.column.value(a).compare(&self.column.value(b));
            if self.reverse {
                ordering.reverse()
            } else {
                ordering
            }
        });
    }
}
