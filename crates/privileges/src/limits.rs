//! Resource limits as the kernel gives them to its first process.

use rustix::io::Errno;
use rustix::process::{Resource, getrlimit, setrlimit};
use veld_sys::{Context, Failure};

/// A limit that a process is to have instead of the kernel's default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rlimit {
    /// Which: its name in prlimit(1), as `nofile`.
    pub name: &'static str,
    /// What a process has unless it asks for more; `None` is unlimited.
    pub soft: Option<u64>,
    /// What it may raise itself to, at most.
    pub hard: Option<u64>,
    /// Whether less will do where this process may not have as much.
    pub at_most: bool,
}

/// What a limit is set to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Default {
    /// Soft and hard limit; `None` is unlimited.
    Fixed(Option<u64>, Option<u64>),
    /// All that this process may have. The kernel computes the limit from the
    /// memory of the machine; what is held is that, or what somebody chose.
    Held,
}

const UNLIMITED: Default = Default::Fixed(None, None);
const NONE: Default = Default::Fixed(Some(0), Some(0));
/// `_STK_LIM` and `MLOCK_LIMIT` of the kernel.
const EIGHT_MIB: Option<u64> = Some(8 << 20);
/// `MQ_BYTES_MAX` of the kernel.
const QUEUES: Option<u64> = Some(819_200);

/// `INIT_RLIMITS` of the kernel, by the names of prlimit(1).
///
/// NICE and RTPRIO at 0 keep the VE's root, too, from running before others.
/// Queues, pending signals and locked memory also limit all of a VE together:
/// the kernel notes the limits of whoever creates a user namespace.
const DEFAULTS: [(&str, Resource, Default); 16] = [
    ("cpu", Resource::Cpu, UNLIMITED),
    ("fsize", Resource::Fsize, UNLIMITED),
    ("data", Resource::Data, UNLIMITED),
    ("stack", Resource::Stack, Default::Fixed(EIGHT_MIB, None)),
    ("core", Resource::Core, Default::Fixed(Some(0), None)),
    ("rss", Resource::Rss, UNLIMITED),
    ("nproc", Resource::Nproc, Default::Held),
    (
        "memlock",
        Resource::Memlock,
        Default::Fixed(EIGHT_MIB, EIGHT_MIB),
    ),
    (
        "nofile",
        Resource::Nofile,
        Default::Fixed(Some(1024), Some(4096)),
    ),
    ("as", Resource::As, UNLIMITED),
    ("locks", Resource::Locks, UNLIMITED),
    ("sigpending", Resource::Sigpending, Default::Held),
    (
        "msgqueue",
        Resource::Msgqueue,
        Default::Fixed(QUEUES, QUEUES),
    ),
    ("nice", Resource::Nice, NONE),
    ("rtprio", Resource::Rtprio, NONE),
    ("rttime", Resource::Rttime, UNLIMITED),
];

/// Sets every limit to the one chosen or to the kernel's default, or to the hard
/// limit held where that is lower and may not be raised.
///
/// # Errors
/// Names the limit; EPERM for one that was chosen and may not be had.
///
/// # Kernel
/// setrlimit(2): raising a hard limit takes CAP_SYS_RESOURCE over the host.
pub(crate) fn limit(chosen: &[Rlimit]) -> Result<(), Failure> {
    DEFAULTS.iter().try_for_each(|(name, resource, default)| {
        let held = getrlimit(*resource);
        let chosen = chosen.iter().find(|limit| limit.name == *name);
        let wanted = chosen.map_or_else(|| default.given(held.maximum), Rlimit::as_it_is);
        let result = match chosen {
            Some(limit) if !limit.at_most && wanted != held => setrlimit(*resource, wanted),
            _ => set(*resource, held, wanted),
        };
        result.context(|| format!("set the limit of {name} to {}", shown(wanted)))
    })
}

/// Sets every limit to the kernel's default, with a hard limit that lets a child
/// have what was chosen for it. How many files this process may open stays.
///
/// # Errors
/// As of [`limit`].
pub(crate) fn make_room(chosen: &[Rlimit]) -> Result<(), Failure> {
    DEFAULTS.iter().try_for_each(|(name, resource, default)| {
        let held = getrlimit(*resource);
        let mut wanted = default.given(held.maximum);
        if *resource == Resource::Nofile {
            wanted = held;
        }
        if let Some(limit) = chosen.iter().find(|limit| limit.name == *name) {
            wanted.maximum = most(wanted.maximum, limit.hard);
        }
        set(*resource, held, wanted)
            .context(|| format!("set the limit of {name} to {}", shown(wanted)))
    })
}

fn shown(limit: rustix::process::Rlimit) -> String {
    limit
        .maximum
        .map_or_else(|| "unlimited".to_owned(), |most| most.to_string())
}

impl Rlimit {
    fn as_it_is(&self) -> rustix::process::Rlimit {
        rustix::process::Rlimit {
            current: self.soft,
            maximum: self.hard,
        }
    }
}

impl Default {
    fn given(self, held: Option<u64>) -> rustix::process::Rlimit {
        let (current, maximum) = match self {
            Default::Fixed(soft, hard) => (soft, hard),
            Default::Held => (held, held),
        };
        rustix::process::Rlimit { current, maximum }
    }
}

fn set(
    resource: Resource,
    held: rustix::process::Rlimit,
    wanted: rustix::process::Rlimit,
) -> rustix::io::Result<()> {
    if held == wanted {
        return Ok(());
    }
    match setrlimit(resource, wanted) {
        Err(Errno::PERM) => setrlimit(resource, within(wanted, held.maximum)),
        result => result,
    }
}

/// `wanted`, as far as a process may have it whose hard limit is `most`.
fn within(wanted: rustix::process::Rlimit, most: Option<u64>) -> rustix::process::Rlimit {
    rustix::process::Rlimit {
        current: least(wanted.current, most),
        maximum: least(wanted.maximum, most),
    }
}

/// The lower of two limits, of which `None` is the highest.
fn least(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// The higher of two.
fn most(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    one.zip(other).map(|(one, other)| one.max(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unlimited_is_the_highest_limit() {
        assert_eq!(least(None, None), None);
        assert_eq!(least(None, Some(3)), Some(3));
        assert_eq!(least(Some(3), None), Some(3));
        assert_eq!(least(Some(3), Some(2)), Some(2));
    }

    #[test]
    fn the_soft_limit_is_never_above_the_hard_one() {
        for (name, _, default) in DEFAULTS {
            for held in [None, Some(0), Some(1 << 20), Some(u64::MAX - 1)] {
                let limit = within(default.given(held), held);
                assert_eq!(least(limit.current, limit.maximum), limit.current, "{name}");
                assert_eq!(least(limit.maximum, held), limit.maximum, "{name}");
            }
        }
    }

    #[test]
    fn no_limit_is_named_twice_or_left_out() {
        // RLIMIT_CPU to RLIMIT_RTTIME.
        let mut seen: Vec<u32> = DEFAULTS.iter().map(|(_, of, _)| *of as u32).collect();
        seen.sort_unstable();
        assert_eq!(seen, (0..16).collect::<Vec<_>>());
    }
}
