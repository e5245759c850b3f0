//! What went over a VE's links: the shim's question to the kernel, and the two files
//! by which it and the commands speak of it.
//!
//! ```text
//! traffic     by commands, for the shim       counts     by the shim
//!   links 7 12                                  1520 12 900 8
//!   before 0 0 0 0
//!   most 1000000
//!   due 1764547200.000000000
//! ```
//!
//! `links` are the host ends, by number. `before` is what went over links that were
//! taken away since the VE was started. The shim tells what was moved at the end, and
//! where the VE has taken a link away itself. Once the VE has moved `most` bytes since its
//! start, or the time `due` has come, somebody is to look after the account.

use std::fmt;
use std::str::FromStr;

use crate::stamp::Stamp;

/// Most links of a VE that are counted.
pub const MOST_LINKS: usize = 32;
/// Longest file `traffic`: numbers of 20 digits, each with a blank, and words.
pub const LONGEST: usize = 1024;
/// Longest answer of the kernel's that is read.
pub const ANSWER: usize = 512;

/// Bytes and packets, both ways, as the VE counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Bytes to the VE.
    pub received_bytes: u64,
    /// Packets to the VE.
    pub received_packets: u64,
    /// Bytes from the VE.
    pub sent_bytes: u64,
    /// Packets from the VE.
    pub sent_packets: u64,
}

impl Counts {
    /// Bytes both ways.
    #[must_use]
    pub fn bytes(self) -> u64 {
        self.received_bytes.saturating_add(self.sent_bytes)
    }

    /// The sum.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        self.each(other, u64::saturating_add)
    }

    /// What has been added since `earlier`; a number that went back counts as nothing.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        self.each(earlier, u64::saturating_sub)
    }

    /// The greater of each.
    #[must_use]
    pub fn at_least(self, other: Self) -> Self {
        self.each(other, u64::max)
    }

    fn each(self, other: Self, of: impl Fn(u64, u64) -> u64) -> Self {
        Self {
            received_bytes: of(self.received_bytes, other.received_bytes),
            received_packets: of(self.received_packets, other.received_packets),
            sent_bytes: of(self.sent_bytes, other.sent_bytes),
            sent_packets: of(self.sent_packets, other.sent_packets),
        }
    }
}

/// What the shim is told to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metered {
    links: [u32; MOST_LINKS],
    count: usize,
    /// What went over links that are gone.
    pub before: Counts,
    /// The bytes of this run at which a quota is used up.
    pub most: Option<u64>,
    /// When the account is to be looked after in any case.
    pub due: Stamp,
}

impl Metered {
    /// Of these links; those past [`MOST_LINKS`] are not counted.
    #[must_use]
    pub fn new(numbers: impl IntoIterator<Item = u32>, before: Counts, due: Stamp) -> Self {
        let mut links = [0; MOST_LINKS];
        let mut count = 0;
        for (slot, number) in links.iter_mut().zip(numbers) {
            *slot = number;
            count += 1;
        }
        Self {
            links,
            count,
            before,
            most: None,
            due,
        }
    }

    /// The numbers of the links' host ends.
    #[must_use]
    pub fn links(&self) -> &[u32] {
        self.links.get(..self.count).unwrap_or_default()
    }
}

/// A text that is neither [`Counts`] nor [`Metered`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotTraffic;

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {} {} {}",
            self.received_bytes, self.received_packets, self.sent_bytes, self.sent_packets
        )
    }
}

impl FromStr for Counts {
    type Err = NotTraffic;

    fn from_str(text: &str) -> Result<Self, NotTraffic> {
        let mut words = text.trim_end().split(' ');
        let mut next = || words.next()?.parse().ok();
        let counts = (|| {
            Some(Self {
                received_bytes: next()?,
                received_packets: next()?,
                sent_bytes: next()?,
                sent_packets: next()?,
            })
        })();
        match words.next() {
            None => counts.ok_or(NotTraffic),
            Some(_) => Err(NotTraffic),
        }
    }
}

/// The lines of the file, the last one with its newline.
impl fmt::Display for Metered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("links")?;
        for link in self.links() {
            write!(f, " {link}")?;
        }
        writeln!(f, "\nbefore {}", self.before)?;
        if let Some(most) = self.most {
            writeln!(f, "most {most}")?;
        }
        writeln!(f, "due {}", self.due)
    }
}

/// Takes no memory. A line that is not known is passed over.
impl FromStr for Metered {
    type Err = NotTraffic;

    fn from_str(text: &str) -> Result<Self, NotTraffic> {
        let line = |key: &str| {
            let mut lines = text.lines();
            lines.find_map(|line| line.strip_prefix(key)?.strip_prefix(' '))
        };
        let (Some(before), Some(due)) = (line("before"), line("due")) else {
            return Err(NotTraffic);
        };
        // None of a VE whose links are all gone.
        let links = line("links").unwrap_or_default().split_whitespace();
        let links = links.map_while(|number| number.parse().ok());
        let due = due.parse().map_err(|_| NotTraffic)?;
        let mut metered = Self::new(links, before.parse()?, due);
        if let Some(most) = line("most") {
            metered.most = Some(most.parse().map_err(|_| NotTraffic)?);
        }
        Ok(metered)
    }
}

impl fmt::Display for NotTraffic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a count of traffic")
    }
}

impl std::error::Error for NotTraffic {}

/// `struct nlmsghdr` and `struct if_stats_msg`.
const HEADER: usize = 16;
const BODY: usize = 12;
const QUESTION: usize = HEADER + BODY;
const RTM_NEWSTATS: u16 = 92;
const RTM_GETSTATS: u16 = 94;
const NLM_F_REQUEST: u16 = 1;
/// `IFLA_STATS_LINK_64`, and its bit in a filter.
const LINK_64: u16 = 1;

/// The question for the counters of link `index`, which the answer tells from others
/// by `sequence`.
///
/// # Kernel
/// rtnetlink(7), `RTM_GETSTATS`: Linux 4.7. Unlike that of `RTM_GETLINK`, the answer
/// has nothing but the counters.
#[must_use]
pub fn question(index: u32, sequence: u32) -> [u8; QUESTION] {
    let fields: [&[u8]; 8] = [
        &28_u32.to_ne_bytes(),
        &RTM_GETSTATS.to_ne_bytes(),
        &NLM_F_REQUEST.to_ne_bytes(),
        &sequence.to_ne_bytes(),
        // The port, which is the kernel's to fill in; then family and padding.
        &[0; 4],
        &[0; 4],
        &index.to_ne_bytes(),
        &1_u32.to_ne_bytes(),
    ];
    let mut message = [0; QUESTION];
    for (byte, value) in message.iter_mut().zip(fields.into_iter().flatten()) {
        *byte = *value;
    }
    message
}

/// The counters in an answer to question `sequence`, as the VE counts: what its host
/// end sent is what it received. Nothing where the link is gone.
///
/// # Kernel
/// `struct rtnl_link_stats64`: packets received and sent, then bytes of both.
#[must_use]
pub fn answer(message: &[u8], sequence: u32) -> Option<Counts> {
    let is_this = half(message, 4)? == RTM_NEWSTATS
        && message.get(8..12)? == sequence.to_ne_bytes()
        && half(message, QUESTION + 2)? == LINK_64;
    let counters = message.get(QUESTION + 4..)?;
    let number = |place: usize| {
        let bytes = counters.chunks_exact(8).nth(place)?;
        Some(u64::from_ne_bytes(bytes.try_into().ok()?))
    };
    if !is_this {
        return None;
    }
    Some(Counts {
        sent_packets: number(0)?,
        received_packets: number(1)?,
        sent_bytes: number(2)?,
        received_bytes: number(3)?,
    })
}

fn half(message: &[u8], place: usize) -> Option<u16> {
    let bytes = message.get(place..)?.first_chunk()?;
    Some(u16::from_ne_bytes(*bytes))
}

#[cfg(test)]
mod tests;
