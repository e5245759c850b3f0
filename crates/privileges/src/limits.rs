//! Resource limits as the kernel gives them to its first process.

use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use veld_sys::{Context, Failure};

/// Limits on open files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nofile {
    /// What a process has unless it asks for more.
    pub soft: u64,
    /// What it may raise itself to, at most; lowered to what this process has.
    pub hard: u64,
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

/// `INIT_RLIMITS` of the kernel, but for open files, which have a parameter.
///
/// NICE and RTPRIO at 0 keep the VE's root, too, from running before others.
/// Queues, pending signals and locked memory also limit all of a VE together:
/// the kernel notes the limits of whoever creates a user namespace.
const DEFAULTS: [(&str, Resource, Default); 15] = [
    ("processor time", Resource::Cpu, UNLIMITED),
    ("file size", Resource::Fsize, UNLIMITED),
    ("data", Resource::Data, UNLIMITED),
    (
        "the stack",
        Resource::Stack,
        Default::Fixed(EIGHT_MIB, None),
    ),
    ("core files", Resource::Core, Default::Fixed(Some(0), None)),
    ("resident memory", Resource::Rss, UNLIMITED),
    ("processes", Resource::Nproc, Default::Held),
    (
        "locked memory",
        Resource::Memlock,
        Default::Fixed(EIGHT_MIB, EIGHT_MIB),
    ),
    ("address space", Resource::As, UNLIMITED),
    ("file locks", Resource::Locks, UNLIMITED),
    ("pending signals", Resource::Sigpending, Default::Held),
    (
        "message queues",
        Resource::Msgqueue,
        Default::Fixed(QUEUES, QUEUES),
    ),
    ("the nice value", Resource::Nice, NONE),
    ("real-time priority", Resource::Rtprio, NONE),
    ("real-time processor time", Resource::Rttime, UNLIMITED),
];

/// Sets every limit but that of open files to the kernel's default, or to the
/// hard limit held where that is lower and may not be raised.
///
/// # Errors
/// Names the limit.
///
/// # Kernel
/// setrlimit(2): raising a hard limit takes CAP_SYS_RESOURCE over the host.
pub(crate) fn default_limits() -> Result<(), Failure> {
    DEFAULTS.iter().try_for_each(|(name, resource, default)| {
        let held = getrlimit(*resource);
        let wanted = default.given(held.maximum);
        set(*resource, held, wanted).context(|| format!("set the limit of {name}"))
    })
}

/// Limits open files.
pub(crate) fn limit_files(nofile: Nofile) -> Result<(), Failure> {
    let held = getrlimit(Resource::Nofile);
    let hard = least(Some(nofile.hard), held.maximum);
    let wanted = Rlimit {
        current: least(Some(nofile.soft), hard),
        maximum: hard,
    };
    set(Resource::Nofile, held, wanted)
        .context(|| format!("set the limit of open files to {}", nofile.hard))
}

impl Default {
    fn given(self, held: Option<u64>) -> Rlimit {
        let (current, maximum) = match self {
            Default::Fixed(soft, hard) => (soft, hard),
            Default::Held => (held, held),
        };
        Rlimit { current, maximum }
    }
}

fn set(resource: Resource, held: Rlimit, wanted: Rlimit) -> rustix::io::Result<()> {
    if held == wanted {
        return Ok(());
    }
    match setrlimit(resource, wanted) {
        Err(Errno::PERM) => setrlimit(resource, within(wanted, held.maximum)),
        result => result,
    }
}

/// `wanted`, as far as a process may have it whose hard limit is `most`.
fn within(wanted: Rlimit, most: Option<u64>) -> Rlimit {
    Rlimit {
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
        // RLIMIT_CPU to RLIMIT_RTTIME; open files are the sixteenth.
        let mut seen: Vec<u32> = DEFAULTS.iter().map(|(_, of, _)| *of as u32).collect();
        seen.push(Resource::Nofile as u32);
        seen.sort_unstable();
        assert_eq!(seen, (0..16).collect::<Vec<_>>());
    }
}
