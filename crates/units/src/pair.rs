//! OpenVZ's two numbers for one resource.

use std::fmt;
use std::str::FromStr;

use crate::{Bytes, Error};

/// A size at which the kernel starts to push back (barrier) and one that is
/// never passed (limit): `400M:512M`. One size alone is both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BarrierLimit {
    barrier: Bytes,
    limit: Bytes,
}

impl BarrierLimit {
    /// The pair, where the barrier is not above the limit.
    #[must_use]
    pub fn new(barrier: Bytes, limit: Bytes) -> Option<Self> {
        (barrier <= limit).then_some(Self { barrier, limit })
    }

    /// Where pushing back starts.
    #[must_use]
    pub const fn barrier(self) -> Bytes {
        self.barrier
    }

    /// What is never passed.
    #[must_use]
    pub const fn limit(self) -> Bytes {
        self.limit
    }
}

impl FromStr for BarrierLimit {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (barrier, limit) = text.split_once(':').unwrap_or((text, text));
        Self::new(barrier.parse()?, limit.parse()?)
            .ok_or_else(|| Error::out_of_range(text, "a barrier of at most the limit"))
    }
}

impl fmt::Display for BarrierLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.barrier == self.limit {
            write!(f, "{}", self.limit)
        } else {
            write!(f, "{}:{}", self.barrier, self.limit)
        }
    }
}
