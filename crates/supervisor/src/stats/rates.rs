//! What a VE used between two looks.

use std::time::Duration;

use veld_network::Counters;

use super::Sample;

/// What a VE used per second; none where either look does not tell.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Rates {
    /// CPU time, in per cent of one processor.
    pub cpu_percent: Option<f64>,
    /// Bytes read from disks.
    pub read_bytes: Option<f64>,
    /// Bytes written to disks.
    pub written_bytes: Option<f64>,
    /// Bytes that came to the VE.
    pub received_bytes: Option<f64>,
    /// Bytes that it sent.
    pub sent_bytes: Option<f64>,
}

impl Rates {
    /// What was used between `earlier` and `later`; nothing is known where these are
    /// not of one run of one VE.
    #[must_use]
    pub fn between(earlier: &Sample, later: &Sample) -> Self {
        let is_same = earlier.name == later.name
            && earlier.init_pid == later.init_pid
            && earlier.started == later.started;
        let time = later.clock.saturating_duration_since(earlier.clock);
        if !is_same || time.is_zero() {
            return Self::default();
        }
        let of = |get: fn(&Sample) -> Option<u64>| per_second(get(earlier), get(later), time);
        let net = |get: fn(&Counters) -> u64| {
            let count = |sample: &Sample| sample.network.as_ref().map(get);
            per_second(count(earlier), count(later), time)
        };
        Self {
            // A million microseconds per second are a hundred per cent.
            cpu_percent: of(|sample| sample.usage.cpu.total_usec).map(|usec| usec / 1e4),
            read_bytes: of(|sample| sample.usage.io.read_bytes),
            written_bytes: of(|sample| sample.usage.io.written_bytes),
            received_bytes: net(|counters| counters.received_bytes),
            sent_bytes: net(|counters| counters.sent_bytes),
        }
    }
}

/// A counter that went back was begun anew.
#[expect(
    clippy::cast_precision_loss,
    reason = "for people: exact to 2^53, which no counter grows by in a while"
)]
pub(crate) fn per_second(earlier: Option<u64>, later: Option<u64>, time: Duration) -> Option<f64> {
    let grown = later?.checked_sub(earlier?)?;
    Some(grown as f64 / time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use veld_cgroups::Usage;
    use veld_protocol::stamp::Stamp;

    use super::*;
    use crate::inspect::Phase;

    fn sample(clock: Instant, cpu: u64, received: u64) -> Sample {
        let mut usage = Usage::default();
        usage.cpu.total_usec = Some(cpu);
        let stamp = Stamp {
            seconds: 7,
            nanos: 0,
        };
        Sample {
            name: "web1".parse().unwrap(),
            id: Some(101),
            phase: Phase::Up,
            init_pid: 7,
            started: stamp,
            at: stamp,
            clock,
            usage,
            disk: veld_storage::Usage::default(),
            network: Some(Counters {
                received_bytes: received,
                ..Counters::default()
            }),
            traffic: None,
        }
    }

    #[test]
    fn what_grew_is_told_per_second() {
        let now = Instant::now();
        let earlier = sample(now, 1_000_000, 500);
        let later = sample(now + Duration::from_millis(500), 1_750_000, 1500);
        let rates = Rates::between(&earlier, &later);
        assert_eq!(rates.cpu_percent, Some(150.0));
        assert_eq!(rates.received_bytes, Some(2000.0));
        assert_eq!(rates.sent_bytes, Some(0.0));
        assert_eq!(rates.read_bytes, None);
    }

    #[test]
    fn two_runs_and_counters_begun_anew_are_not_compared() {
        let now = Instant::now();
        let earlier = sample(now, 1_000_000, 500);
        let mut later = sample(now + Duration::from_secs(1), 500, 1500);
        let rates = Rates::between(&earlier, &later);
        assert_eq!(rates.cpu_percent, None);
        assert_eq!(rates.received_bytes, Some(1000.0));
        later.init_pid = 8;
        assert_eq!(Rates::between(&earlier, &later), Rates::default());
        assert_eq!(Rates::between(&earlier, &earlier), Rates::default());
    }
}
