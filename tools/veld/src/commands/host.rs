//! `veld host`

mod doctor;

use std::fmt::Write;
use std::process::ExitCode;

use serde::Serialize;
use veld_supervisor::{Capacity, Given, Host, Memory, capacity};
use veld_units::Bytes;

use crate::cli::{HostLook, HostShow};
use crate::report::Failed;
use crate::{json, output};

pub(crate) fn run(host: &Host, show: &HostShow) -> Result<ExitCode, Failed> {
    match &show.look {
        Some(HostLook::Doctor(doctor)) => doctor::run(host, doctor),
        None => self::show(host, show).map(|()| ExitCode::SUCCESS),
    }
}

fn show(host: &Host, show: &HostShow) -> Result<(), Failed> {
    let capacity = capacity(host)?;
    if show.json {
        return json::print(&Shown::new(&capacity));
    }
    let mut text = String::new();
    for (key, value) in rows(&capacity) {
        let _ = writeln!(text, "{key:<12} {value}");
    }
    output::print(&text)
}

type Row = (&'static str, String);

fn rows(host: &Capacity) -> Vec<Row> {
    let controllers: Vec<String> = host
        .controllers
        .iter()
        .map(|(name, version)| format!("{name} (v{version})"))
        .collect();
    let mut rows = vec![
        ("kernel", host.kernel.clone()),
        ("controllers", controllers.join(", ")),
    ];
    if !host.missing.is_empty() {
        rows.push(("missing", host.missing.join(", ")));
    }
    rows.push(("cgroup", host.cgroup_parent.clone()));
    rows.push(("VEs", format!("{} run of {}", host.running, host.ves)));
    rows.extend(processor_rows(host));
    rows.extend(memory_rows(&host.memory, &host.given));
    rows
}

fn processor_rows(host: &Capacity) -> [Row; 2] {
    let given = &host.given;
    let cpus = format!(
        "{}, limits of VEs {}%{}",
        host.cpus,
        given.cpu_percent,
        without(given.without_cpu_limit)
    );
    let processes = format!(
        "{} of {}, {} in VEs",
        host.processes, host.processes_max, given.processes
    );
    [("CPUs", cpus), ("processes", processes)]
}

fn memory_rows(memory: &Memory, given: &Given) -> [Row; 4] {
    let size = |bytes: u64| format!("{:#}", Bytes::new(bytes));
    let all = format!(
        "{}, available {}, in use by VEs {}",
        size(memory.total),
        size(memory.available),
        size(given.memory_used)
    );
    let limits = format!(
        "{}{}",
        size(given.memory),
        without(given.without_memory_limit)
    );
    let guaranteed = match given.guaranteed {
        None => "nothing: cgroup v1 cannot".to_owned(),
        Some(bytes) => format!(
            "{} of {}, which is {}% of the memory",
            size(bytes),
            size(memory.guaranteeable),
            memory.overcommit_percent
        ),
    };
    let swap = format!(
        "{}, free {}",
        size(memory.swap_total),
        size(memory.swap_free)
    );
    [
        ("memory", all),
        ("limits", limits),
        ("guaranteed", guaranteed),
        ("swap", swap),
    ]
}

/// How many VEs a sum leaves out.
fn without(count: usize) -> String {
    match count {
        0 => String::new(),
        1 => ", 1 without a limit".to_owned(),
        _ => format!(", {count} without a limit"),
    }
}

/// The host, in JSON.
#[derive(Debug, Serialize)]
struct Shown {
    kernel: String,
    controllers: Vec<Controller>,
    missing_controllers: Vec<&'static str>,
    cgroup_parent: String,
    ves: usize,
    ves_running: usize,
    cpus: usize,
    cpu_limits_percent: u64,
    ves_without_cpu_limit: usize,
    memory_bytes: u64,
    memory_available_bytes: u64,
    memory_used_by_ves_bytes: u64,
    memory_limits_bytes: u64,
    ves_without_memory_limit: usize,
    memory_guaranteed_bytes: Option<u64>,
    memory_guaranteeable_bytes: u64,
    memory_overcommit_percent: u32,
    swap_bytes: u64,
    swap_free_bytes: u64,
    processes: u64,
    processes_max: u64,
    processes_of_ves: u64,
}

#[derive(Debug, Serialize)]
struct Controller {
    name: &'static str,
    cgroup_version: u8,
}

impl Shown {
    fn new(host: &Capacity) -> Self {
        let (memory, given) = (&host.memory, &host.given);
        let controllers = host.controllers.iter();
        Self {
            kernel: host.kernel.clone(),
            controllers: controllers
                .map(|&(name, cgroup_version)| Controller {
                    name,
                    cgroup_version,
                })
                .collect(),
            missing_controllers: host.missing.clone(),
            cgroup_parent: host.cgroup_parent.clone(),
            ves: host.ves,
            ves_running: host.running,
            cpus: host.cpus,
            cpu_limits_percent: given.cpu_percent,
            ves_without_cpu_limit: given.without_cpu_limit,
            memory_bytes: memory.total,
            memory_available_bytes: memory.available,
            memory_used_by_ves_bytes: given.memory_used,
            memory_limits_bytes: given.memory,
            ves_without_memory_limit: given.without_memory_limit,
            memory_guaranteed_bytes: given.guaranteed,
            memory_guaranteeable_bytes: memory.guaranteeable,
            memory_overcommit_percent: memory.overcommit_percent,
            swap_bytes: memory.swap_total,
            swap_free_bytes: memory.swap_free,
            processes: host.processes,
            processes_max: host.processes_max,
            processes_of_ves: given.processes,
        }
    }
}
