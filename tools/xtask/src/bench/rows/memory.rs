//! Memory on the host that a container costs besides its own processes: the
//! shim and the init under veld, the monitor under LXC.
//!
//! Of each there are two, and one is measured: pages of the program's file are
//! then shared, as they are on a host that runs more than one container.

use std::path::Path;

use anyhow::{Context, Result, bail};

use super::super::peers::Lxc;
use super::super::process::{Memory, executing};
use super::super::table::{Aim, Peer, Row, Value};
use super::super::{Bench, tiny};
use super::Ve;
use crate::place::{INIT, SHIM, Shipped};
use crate::veld::Veld;

/// What a shim or an init may have for itself.
const MOST: u64 = 100 * 1024;

pub(super) fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let root = tiny::root(bench);
    let lxc = Lxc::define(bench, "memory", &root, tiny::SLEEPER)?;
    let other = Lxc::define(bench, "memory-other", &root, tiny::SLEEPER)?;
    lxc.start()?;
    other.start()?;
    let monitor = Memory::of(lxc.monitor()?)?;
    let [shim, init] = match &bench.veld {
        Some(veld) => shim_and_init(veld)?.map(Some),
        None => [None, None],
    };
    let monitor = ("lxc's monitor".to_owned(), monitor);
    let mut rows = rows_of("shim", shim, Some(monitor));
    rows.extend(rows_of("init", init, None));
    Ok(rows)
}

/// Of VEs whose init supervises: it stays PID 1.
fn shim_and_init(veld: &Veld) -> Result<[Memory; 2]> {
    let prefix = veld.prefix().context("veld is not staged")?;
    let ves = [Ve::tiny(veld, "memory")?, Ve::tiny(veld, "memory-other")?];
    for ve in &ves {
        ve.start()?;
    }
    let of = |what: &Shipped| memory_of(what, prefix);
    Ok([of(&SHIM)?, of(&INIT)?])
}

/// Of the first of the processes that execute a shipped file; no other VE runs
/// from this stage while it is measured.
fn memory_of(what: &Shipped, prefix: &Path) -> Result<Memory> {
    match executing(&what.below(prefix)).as_slice() {
        [pid, _other] => Memory::of(*pid),
        all => bail!("{} processes execute {}, not two", all.len(), what.name),
    }
}

fn rows_of(name: &str, veld: Option<Memory>, peer: Option<(String, Memory)>) -> Vec<Row> {
    let row = |kind: &str, of: fn(&Memory) -> u64, aim: Aim| Row {
        what: format!("{name}, {kind} memory"),
        veld: veld.as_ref().map(|memory| Value::Memory(of(memory))),
        peer: peer
            .as_ref()
            .map(|(name, memory)| Peer::Is(name.clone(), Value::Memory(of(memory)))),
        aim,
    };
    vec![
        row(
            "private",
            |memory| memory.private,
            Aim::AtMost(Value::Memory(MOST)),
        ),
        row("resident", |memory| memory.resident, Aim::None),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_memory_has_an_aim_and_resident_memory_has_none() {
        let memory = Memory {
            private: 56 * 1024,
            resident: 400 * 1024,
            proportional: 90 * 1024,
        };
        let rows = rows_of("init", Some(memory), None);
        assert_eq!(rows[0].what, "init, private memory");
        assert_eq!(rows[0].veld, Some(Value::Memory(56 * 1024)));
        assert_eq!(rows[0].aim, Aim::AtMost(Value::Memory(100 * 1024)));
        assert_eq!(rows[1].aim, Aim::None);
    }
}
