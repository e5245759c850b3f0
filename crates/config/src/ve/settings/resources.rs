//! What a VE may use of the machine.

use super::{Setting, one, text};
use crate::document::Parameter;
use crate::parameter;

pub(super) const SETTINGS: &[Setting] = &[
    Setting::free(
        Parameter::optional("resources.ram", |raw, value| {
            let mut pair = None;
            value.set_some(&mut pair, parameter::ram)?;
            if let Some(pair) = pair {
                raw.resources.ram = Some(pair.limit());
                raw.resources.ram_high = parameter::barrier(pair);
            }
            Ok(())
        }),
        |config| config.resources.ram.as_ref().and_then(text),
        one("ram", "SIZE", "Memory, as 512M; HIGH:MAX sets ram-high too"),
    ),
    Setting::free(
        Parameter::optional("resources.ram-guarantee", |raw, value| {
            value.set_some(&mut raw.resources.ram_guarantee, parameter::memory)
        }),
        |config| config.resources.ram_guarantee.as_ref().and_then(text),
        one(
            "ram-guarantee",
            "SIZE",
            "Memory that is never reclaimed from it",
        ),
    ),
    Setting::free(
        Parameter::optional("resources.ram-low", |raw, value| {
            value.set_some(&mut raw.resources.ram_low, parameter::memory)
        }),
        |config| config.resources.ram_low.as_ref().and_then(text),
        one("ram-low", "SIZE", "Memory that is reclaimed from it last"),
    ),
    Setting::free(
        Parameter::optional("resources.ram-high", |raw, value| {
            value.set_some(&mut raw.resources.ram_high, parameter::memory)
        }),
        |config| config.resources.ram_high.as_ref().and_then(text),
        one("ram-high", "SIZE", "Memory above which it is slowed down"),
    ),
    Setting::free(
        Parameter::optional("resources.swap", |raw, value| {
            let mut pair = None;
            value.set_some(&mut pair, parameter::swap)?;
            if let Some(pair) = pair {
                raw.resources.swap = Some(pair.limit());
                raw.resources.swap_high = parameter::barrier(pair);
            }
            Ok(())
        }),
        |config| config.resources.swap.as_ref().and_then(text),
        one(
            "swap",
            "SIZE",
            "Swap space besides memory, as 256M; 0 for none",
        ),
    ),
    Setting::free(
        Parameter::optional("resources.swap-high", |raw, value| {
            value.set_some(&mut raw.resources.swap_high, parameter::memory)
        }),
        |config| config.resources.swap_high.as_ref().and_then(text),
        one(
            "swap-high",
            "SIZE",
            "Swap space above which it is slowed down",
        ),
    ),
    Setting::free(
        Parameter::optional("resources.cpus", |raw, value| {
            value.set_some(&mut raw.resources.cpus, parameter::cpus)
        }),
        |config| Some(i64::from(config.resources.cpus?.get()).into()),
        one("cpus", "N", "CPUs it sees"),
    ),
    Setting::free(
        Parameter::optional("resources.cpumask", |raw, value| {
            value.set_some(&mut raw.resources.cpumask, str::parse)
        }),
        |config| config.resources.cpumask.as_ref().and_then(text),
        one("cpumask", "LIST", "Which CPUs those are, as 0-3,8"),
    ),
    Setting::free(
        Parameter::optional("resources.cpuunits", |raw, value| {
            value.set_some(&mut raw.resources.cpuunits, str::parse)
        }),
        |config| Some(i64::from(config.resources.cpuunits?.get()).into()),
        one(
            "cpuunits",
            "UNITS",
            "Weight of its CPU time against other VEs; 1000 is usual",
        ),
    ),
    Setting::free(
        Parameter::optional("resources.cpulimit", |raw, value| {
            value.set_some(&mut raw.resources.cpulimit, str::parse)
        }),
        |config| config.resources.cpulimit.as_ref().and_then(text),
        one(
            "cpulimit",
            "PERCENT",
            "CPU time at most, in per cent of one CPU, as 150%",
        ),
    ),
    Setting::free(
        Parameter::optional("resources.processes", |raw, value| {
            value.set_some(&mut raw.resources.processes, parameter::processes)
        }),
        |config| Some(i64::from(config.resources.processes?.get()).into()),
        one("processes", "N", "Processes and threads at most"),
    ),
    Setting::free(
        Parameter::optional("resources.ioweight", |raw, value| {
            value.set_some(&mut raw.resources.ioweight, parameter::io_weight)
        }),
        |config| Some(i64::from(config.resources.ioweight?.get()).into()),
        one(
            "ioweight",
            "N",
            "Weight of its disk time, 1 to 1000; 100 is usual",
        ),
    ),
    Setting::free(
        Parameter::optional("resources.iolimit", |raw, value| {
            value.set_some(&mut raw.resources.iolimit, parameter::io_limit)
        }),
        |config| config.resources.iolimit.as_ref().and_then(text),
        one(
            "iolimit",
            "SIZE",
            "Bytes a second that it reads, and that it writes",
        ),
    ),
    Setting::free(
        Parameter::optional("resources.iopslimit", |raw, value| {
            value.set_some(&mut raw.resources.iopslimit, str::parse)
        }),
        |config| Some(i64::from(config.resources.iopslimit?.get()).into()),
        one(
            "iopslimit",
            "N",
            "Operations a second, reads and writes each",
        ),
    ),
    Setting::free(
        Parameter::optional("resources.hugepages", |raw, value| {
            value.set_some(&mut raw.resources.hugepages, parameter::memory)
        }),
        |config| config.resources.hugepages.as_ref().and_then(text),
        one("hugepages", "SIZE", "Huge pages of each size; 0 for none"),
    ),
    Setting::free(
        Parameter::optional("resources.oom-score-adj", |raw, value| {
            value.set_some(&mut raw.resources.oom_score_adj, parameter::oom_score_adj)
        }),
        |config| Some(i64::from(config.resources.oom_score_adj?).into()),
        one(
            "oom-score-adj",
            "N",
            "Added to its badness when memory is out, -1000 to 1000",
        ),
    ),
];
