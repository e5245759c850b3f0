//! Shares and limits of CPU time.

use std::fmt;
use std::str::FromStr;

use crate::{Error, number};

/// A limit in per cent of one CPU: `150%`, or `150`, is one and a half CPUs.
///
/// From 1 to 819,200, which is all of 8,192 CPUs, the most that mainline builds
/// for. One per cent of a period of 100 ms is 1 ms, the least that the kernel
/// takes as a quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Percent(u32);

impl Percent {
    /// The largest limit.
    pub const MAX: Self = Self(819_200);

    /// So many per cent of one CPU, where that is in the range.
    #[must_use]
    pub const fn new(percent: u32) -> Option<Self> {
        if percent == 0 || percent > Self::MAX.0 {
            None
        } else {
            Some(Self(percent))
        }
    }

    /// The number of per cent.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl FromStr for Percent {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let digits = text.strip_suffix('%').unwrap_or(text);
        let number = number::whole(digits).ok_or_else(|| {
            let allowed = "a whole number with or without %, 100% is one CPU";
            Error::malformed(text, "a share of CPU time", allowed)
        })?;
        u32::try_from(number)
            .ok()
            .and_then(Self::new)
            .ok_or_else(|| Error::out_of_range(text, "1% to 819200%, 100% is one CPU"))
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0)
    }
}

/// A weight for CPU time, in OpenVZ's units: 1 to 500,000, 1,000 is ordinary. A
/// VE with twice the units gets twice the time when both want all of it.
///
/// The kernel's ranges are narrower than OpenVZ's: cgroup v2 tells 10 to
/// 100,000 units apart, v1 about 2 to 256,000. What is beyond either end counts
/// as that end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CpuUnits(u32);

impl CpuUnits {
    /// The largest weight.
    pub const MAX: Self = Self(500_000);

    /// So many units, where that is in the range.
    #[must_use]
    pub const fn new(units: u32) -> Option<Self> {
        if units == 0 || units > Self::MAX.0 {
            None
        } else {
            Some(Self(units))
        }
    }

    /// The number of units.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The weight on the scale of cgroup v2's `cpu.weight`: 1 to 10,000, of which
    /// 100 is ordinary.
    ///
    /// # Kernel
    /// Documentation/admin-guide/cgroup-v2.rst, Weights. Linux 4.15.
    #[must_use]
    pub const fn weight(self) -> u32 {
        let weight = (self.0 + 5) / 10;
        if weight == 0 {
            1
        } else if weight > 10_000 {
            10_000
        } else {
            weight
        }
    }

    /// The weight on the scale of cgroup v1's `cpu.shares`: 2 to 262,144, of
    /// which 1,024 is ordinary.
    ///
    /// # Kernel
    /// Documentation/scheduler/sched-design-CFS.rst; MIN_SHARES and MAX_SHARES
    /// of kernel/sched. Linux 2.6.24.
    #[must_use]
    pub const fn shares(self) -> u32 {
        // 500,000 times 1,024 is below 2^29.
        let shares = (self.0 * 1024 + 500) / 1000;
        if shares < 2 {
            2
        } else if shares > 262_144 {
            262_144
        } else {
            shares
        }
    }
}

/// The ordinary weight, 1,000.
impl Default for CpuUnits {
    fn default() -> Self {
        Self(1000)
    }
}

impl FromStr for CpuUnits {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let allowed = "1 to 500000";
        let number =
            number::whole(text).ok_or_else(|| Error::malformed(text, "a CPU weight", allowed))?;
        u32::try_from(number)
            .ok()
            .and_then(Self::new)
            .ok_or_else(|| Error::out_of_range(text, allowed))
    }
}

impl fmt::Display for CpuUnits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
