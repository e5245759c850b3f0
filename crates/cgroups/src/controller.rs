//! The controllers that enforce limits: one table, one file for each.

use std::fmt;

use veld_sys::Failure;

use crate::error::Refusal;
use crate::hierarchy::{Hierarchy, Place};
use crate::knob::{Files, Limit};
use crate::limits::{Before, Effective, Limits};
use crate::{cpu, cpuset, hugetlb, io, memory, pids};

/// A part of the kernel that enforces limits on a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Controller {
    /// Memory and swap.
    Memory,
    /// Share of the CPUs and CPU time.
    Cpu,
    /// Which CPUs.
    Cpuset,
    /// Number of processes and threads.
    Pids,
    /// Reading and writing of disks; `blkio` in v1.
    Io,
    /// Huge pages.
    Hugetlb,
}

impl Controller {
    /// All of them, in the order in which limits are checked and set.
    pub(crate) const ALL: [Controller; 6] = [
        Controller::Memory,
        Controller::Cpu,
        Controller::Cpuset,
        Controller::Pids,
        Controller::Io,
        Controller::Hugetlb,
    ];

    /// The kernel's word for it; v2's where the two versions differ.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Controller::Memory => "memory",
            Controller::Cpu => "cpu",
            Controller::Cpuset => "cpuset",
            Controller::Pids => "pids",
            Controller::Io => "io",
            Controller::Hugetlb => "hugetlb",
        }
    }

    /// Whether a hierarchy calls it so.
    pub(crate) fn is_named(self, name: &str) -> bool {
        name == self.name() || (self == Controller::Io && name == "blkio")
    }

    /// Whether no VE is to go without it.
    pub(crate) fn is_essential(self) -> bool {
        !matches!(self, Controller::Io | Controller::Hugetlb)
    }

    /// What of `limits` cannot be enforced by this controller as it is at
    /// `here`, or at all where it is nowhere.
    pub(crate) fn check(
        self,
        here: Option<&Hierarchy>,
        cpus: &[u32],
        limits: &Limits,
    ) -> Vec<Refusal> {
        match self {
            Controller::Memory => memory::check(here, limits),
            Controller::Cpu => cpu::check(here, limits),
            Controller::Cpuset => cpuset::check(here, cpus, limits),
            Controller::Pids => pids::check(here, limits),
            Controller::Io => io::check(here, limits),
            Controller::Hugetlb => hugetlb::check(here, limits),
        }
    }

    pub(crate) fn set(self, place: &Place, setting: &Setting<'_>) -> Result<(), Failure> {
        match self {
            Controller::Memory => memory::set(place, setting.limits, setting.before),
            Controller::Cpu => cpu::set(place, setting.limits, setting.before),
            Controller::Cpuset => cpuset::set(place, setting),
            Controller::Pids => pids::set(place, setting.limits, setting.before),
            Controller::Io => io::set(place, setting.limits, setting.before),
            Controller::Hugetlb => hugetlb::set(place, setting.limits, setting.before),
        }
    }

    pub(crate) fn read(
        self,
        place: &Place,
        cpus: &[u32],
        into: &mut Effective,
    ) -> Result<(), Failure> {
        match self {
            Controller::Memory => memory::read(place, into),
            Controller::Cpu => cpu::read(place, into),
            Controller::Cpuset => cpuset::read(place, cpus, into),
            Controller::Pids => pids::read(place, into),
            Controller::Io => io::read(place, into),
            Controller::Hugetlb => hugetlb::read(place, into),
        }
    }
}

impl fmt::Display for Controller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a controller is told when limits are set.
#[derive(Debug)]
pub(crate) struct Setting<'a> {
    pub(crate) limits: &'a Limits,
    pub(crate) before: Before,
    /// The CPUs of the host, by number.
    pub(crate) cpus: &'a [u32],
    /// Where among them this group's begin.
    pub(crate) spread: u32,
}

/// The refusal of a limit whose controller is on no hierarchy.
pub(crate) fn absent(limit: Limit, value: String, controller: Controller) -> Refusal {
    let Files { v2, v1 } = limit.files();
    let knobs = match v1 {
        Ok(v1) if v1 != v2 => format!("neither {v2} nor {v1}"),
        _ => format!("no {v2}"),
    };
    Refusal {
        limit,
        value,
        reason: format!(
            "the {controller} controller is on no mounted cgroup hierarchy, so there is {knobs}"
        ),
    }
}

/// The refusal of a limit that v1 has no file for.
pub(crate) fn of_v2_alone(limit: Limit, value: String) -> Refusal {
    let Files { v2, v1 } = limit.files();
    let why = v1.err().unwrap_or_default();
    Refusal {
        limit,
        value,
        reason: format!("cgroup v1 has nothing like {v2}: {why}"),
    }
}
