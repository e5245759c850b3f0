//! How large a bucket and the queue before it are for a rate.

/// A token bucket, in the kernel's terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bucket {
    /// Bytes per second.
    pub(super) rate: u64,
    /// Bytes that may go at once: what the bucket holds.
    pub(super) burst: u32,
    /// Bytes that may wait; what comes then is dropped.
    pub(super) queue: u32,
}

/// A bucket holds what flows in 5 ms: the kernel's timers and its scheduling are
/// seldom later than that, and what a full bucket loses is lost for the rate.
const BURST_PARTS: u64 = 200;
/// A timer for each single packet would be many of them.
const LEAST_BURST: u64 = 16 * 1024;
/// Ethernet's header with a VLAN tag, and some room.
const HEADERS: u64 = 64;
/// What waits has gone after 50 ms: long enough that TCP fills the rate, which wants
/// the time of a round trip, and not so long that all else has to wait.
const QUEUE_PARTS: u64 = 20;
/// Two of the longest segments: with a shorter queue, TCP loses one half of a
/// window at a time.
const LEAST_QUEUE: u64 = 128 * 1024;

/// The kernel has no bucket of less.
const CLOSED: Bucket = Bucket {
    rate: 1,
    burst: 1,
    queue: 1,
};

impl Bucket {
    /// The bucket for `rate` bytes per second and packets up to `mtu` bytes.
    ///
    /// A packet that is longer than the bucket never passes it, except a segment that
    /// the kernel can cut.
    /// Nothing passes the bucket of rate 0: it is too small for any packet.
    pub(super) fn of(rate: u64, mtu: u32) -> Self {
        if rate == 0 {
            return CLOSED;
        }
        let at_most = |bytes: u64| u32::try_from(bytes).unwrap_or(u32::MAX);
        let longest = u64::from(mtu) + HEADERS;
        let burst = (rate / BURST_PARTS).max(LEAST_BURST).max(longest);
        let queue = (rate / QUEUE_PARTS).max(LEAST_QUEUE).max(2 * longest);
        Self {
            rate,
            burst: at_most(burst),
            queue: at_most(queue),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_grows_with_its_rate_and_takes_the_longest_packet() {
        let table = [
            (1, 1500, 16_384, 131_072),
            (128 << 10, 1500, 16_384, 131_072),
            (1_000_000, 1500, 16_384, 131_072),
            (100_000_000, 1500, 500_000, 5_000_000),
            (1_000_000_000, 1500, 5_000_000, 50_000_000),
            (1_000_000, 65_535, 65_599, 131_198),
            (u64::MAX, 1500, u32::MAX, u32::MAX),
        ];
        for (rate, mtu, burst, queue) in table {
            assert_eq!(Bucket::of(rate, mtu), Bucket { rate, burst, queue });
        }
        assert!(Bucket::of(0, 1500).burst < 14, "no packet is as short");
    }
}
