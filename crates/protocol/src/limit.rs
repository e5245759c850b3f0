//! Limits of a VE by the words that files and messages have for them.

use std::fmt;
use std::str::FromStr;

/// A limit that the kernel counts refusals of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Limit {
    /// Forks that were refused.
    Processes,
    /// Memory, of which some had to be given back first.
    Memory,
    /// Memory past which a process is slowed down.
    MemoryHigh,
    /// Memory and swap together, which cgroup v1 bounds.
    MemoryAndSwap,
    /// Swap that was refused.
    Swap,
    /// Processes that were killed because no memory could be had.
    OutOfMemory,
    /// Periods at whose end processes had to wait for processor time.
    CpuTime,
    /// Huge pages of so many KiB.
    HugePages(u64),
}

/// What a limit is a number of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Processes and threads.
    Processes,
}

/// A text that is not a [`Limit`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotALimit;

/// The word of a limit but for the size of its pages.
const HUGE_PAGES: &str = "huge-pages-";
/// What follows that size.
const KIB: &str = "K";

impl Limit {
    /// What its value is a number of; nothing where it has none.
    #[must_use]
    pub fn unit(self) -> Option<Unit> {
        match self {
            Self::Processes => Some(Unit::Processes),
            Self::Memory
            | Self::MemoryHigh
            | Self::MemoryAndSwap
            | Self::Swap
            | Self::HugePages(_) => Some(Unit::Bytes),
            Self::OutOfMemory | Self::CpuTime => None,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Processes => "processes",
            Self::Memory => "memory",
            Self::MemoryHigh => "memory-high",
            Self::MemoryAndSwap => "memory-and-swap",
            Self::Swap => "swap",
            Self::OutOfMemory => "out-of-memory",
            Self::CpuTime => "cpu-time",
            Self::HugePages(_) => HUGE_PAGES,
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())?;
        match self {
            Self::HugePages(kib) => write!(f, "{kib}{KIB}"),
            Self::Processes
            | Self::Memory
            | Self::MemoryHigh
            | Self::MemoryAndSwap
            | Self::Swap
            | Self::OutOfMemory
            | Self::CpuTime => Ok(()),
        }
    }
}

impl FromStr for Limit {
    type Err = NotALimit;

    fn from_str(text: &str) -> Result<Self, NotALimit> {
        const PLAIN: [Limit; 7] = [
            Limit::Processes,
            Limit::Memory,
            Limit::MemoryHigh,
            Limit::MemoryAndSwap,
            Limit::Swap,
            Limit::OutOfMemory,
            Limit::CpuTime,
        ];
        if let Some(size) = text.strip_prefix(HUGE_PAGES) {
            let kib = size.strip_suffix(KIB).and_then(|kib| kib.parse().ok());
            return kib.map(Limit::HugePages).ok_or(NotALimit);
        }
        let named = PLAIN.into_iter().find(|limit| limit.word() == text);
        named.ok_or(NotALimit)
    }
}

impl fmt::Display for NotALimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a limit")
    }
}

impl std::error::Error for NotALimit {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_read_as_the_limit_that_wrote_it() {
        for limit in [
            Limit::Processes,
            Limit::Memory,
            Limit::MemoryHigh,
            Limit::MemoryAndSwap,
            Limit::Swap,
            Limit::OutOfMemory,
            Limit::CpuTime,
            Limit::HugePages(2048),
        ] {
            assert_eq!(limit.to_string().parse(), Ok(limit));
        }
        for text in ["", "Memory", "huge-pages-", "huge-pages-2M", "huge-pages-K"] {
            assert_eq!(text.parse::<Limit>(), Err(NotALimit), "{text:?}");
        }
    }
}
