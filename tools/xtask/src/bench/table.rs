//! The rows of the table, and the table in Markdown.

use std::fmt;
use std::time::Duration;

use super::sample::Samples;
use crate::report;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value {
    /// How long something takes.
    Time(Duration),
    /// How much memory something has, in bytes.
    Memory(u64),
    /// So many times something else.
    Factor(f64),
    /// How much is moved, in bytes per second.
    Rate(f64),
}

/// What veld's value is to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Aim {
    /// This part of the peer's at most.
    Ratio(f64),
    /// This part of the peer's at least.
    AtLeast(f64),
    /// This at most.
    AtMost(Value),
    /// This, and it may be off by a part of it in per cent.
    Within(Value, f64),
    /// Nothing: the row is there to compare.
    None,
}

/// One line of the table.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) what: String,
    pub(super) veld: Option<Value>,
    pub(super) peer: Option<Peer>,
    pub(super) aim: Aim,
}

/// The other side of a row.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Peer {
    /// Its name and value.
    Is(String, Value),
    /// Its name, and why it has no value.
    Cannot(String, String),
}

impl Row {
    /// A row for each peer, of samples taken in turns; the aim is against the
    /// first peer.
    pub(super) fn of(what: &str, veld: Option<&Samples>, peers: &[Samples], aim: Aim) -> Vec<Self> {
        let veld = veld.map(|samples| Value::Time(samples.median()));
        let row = |peer: Option<&Samples>, aim: Aim| Self {
            what: what.to_owned(),
            veld,
            peer: peer.map(|peer| Peer::Is(peer.name.clone(), Value::Time(peer.median()))),
            aim,
        };
        if peers.is_empty() {
            return vec![row(None, aim)];
        }
        let aims = std::iter::once(aim).chain(std::iter::repeat(Aim::None));
        let pairs = peers.iter().zip(aims);
        pairs.map(|(peer, aim)| row(Some(peer), aim)).collect()
    }

    /// Veld's part of the peer's value.
    fn ratio(&self) -> Option<f64> {
        let Peer::Is(_, peer) = self.peer.as_ref()? else {
            return None;
        };
        let peer = peer.number();
        (peer > 0.0).then_some(self.veld?.number() / peer)
    }

    /// Whether the aim is met, where there is one and veld was measured.
    fn is_met(&self) -> Option<bool> {
        match self.aim {
            Aim::Ratio(most) => Some(self.ratio()? <= most),
            Aim::AtLeast(least) => Some(self.ratio()? >= least),
            Aim::AtMost(most) => Some(self.veld?.number() <= most.number()),
            Aim::Within(wanted, part) => {
                let off = (self.veld?.number() / wanted.number() - 1.0).abs();
                Some(off * 100.0 <= part)
            }
            Aim::None => None,
        }
    }

    fn aim_cell(&self) -> String {
        let aim = match self.aim {
            // Two places are what the ratios have.
            Aim::Ratio(most) => format!("≤ {}", (most * 100.0).round() / 100.0),
            Aim::AtLeast(least) => format!("≥ {least}"),
            Aim::AtMost(most) => format!("≤ {most}"),
            Aim::Within(wanted, part) => format!("{wanted} ± {part} %"),
            Aim::None => return String::new(),
        };
        match self.is_met() {
            Some(true) => format!("{aim}, met"),
            Some(false) => format!("{aim}, **missed**"),
            None => aim,
        }
    }
}

impl Value {
    /// Seconds, bytes, bytes per second, or a bare number.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a count of bytes of one process is far below 2^52"
    )]
    fn number(self) -> f64 {
        match self {
            Self::Time(time) => time.as_secs_f64(),
            Self::Memory(bytes) => bytes as f64,
            Self::Factor(number) | Self::Rate(number) => number,
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time(time) => f.write_str(&report::time(*time)),
            Self::Memory(bytes) => write!(f, "{} KiB", bytes / 1024),
            Self::Factor(times) => write!(f, "{times:.3}"),
            Self::Rate(bytes) => write!(f, "{:.0} MB/s", bytes / 1e6),
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Is(name, value) => write!(f, "{name}: {value}"),
            Self::Cannot(name, reason) => write!(f, "{name} cannot: {reason}"),
        }
    }
}

/// The table.
pub(super) fn markdown(rows: &[Row]) -> String {
    let mut lines = vec![
        "| what | veld | peer | ratio | aim |".to_owned(),
        "|---|---:|---|---:|---|".to_owned(),
    ];
    lines.extend(rows.iter().map(|row| {
        let veld = row.veld.map(|value| value.to_string()).unwrap_or_default();
        let peer = row.peer.as_ref().map(ToString::to_string);
        let ratio = row.ratio().map(|ratio| format!("{ratio:.2}"));
        format!(
            "| {} | {veld} | {} | {} | {} |",
            row.what,
            peer.unwrap_or_default(),
            ratio.unwrap_or_default(),
            row.aim_cell()
        )
    }));
    lines.push(String::new());
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(veld: Option<u64>, peer: Option<u64>, aim: Aim) -> Row {
        let time = |milliseconds| Value::Time(Duration::from_millis(milliseconds));
        Row {
            what: "start".to_owned(),
            veld: veld.map(time),
            peer: peer.map(|peer| Peer::Is("lxc-start".to_owned(), time(peer))),
            aim,
        }
    }

    #[test]
    fn an_aim_is_met_or_missed_or_open() {
        let aim = Aim::Ratio(0.25);
        assert_eq!(row(Some(5), Some(20), aim).is_met(), Some(true));
        assert_eq!(row(Some(6), Some(20), aim).is_met(), Some(false));
        assert_eq!(row(None, Some(20), aim).is_met(), None);
        assert_eq!(row(Some(5), None, aim).is_met(), None);
        let aim = Aim::AtMost(Value::Time(Duration::from_millis(10)));
        assert_eq!(row(Some(11), None, aim).is_met(), Some(false));
        assert_eq!(row(Some(10), Some(1), aim).is_met(), Some(true));
    }

    #[test]
    fn an_aim_may_be_a_least() {
        let row = |veld, least| Row {
            what: "TCP".to_owned(),
            veld: Some(Value::Rate(veld)),
            peer: Some(Peer::Is("lxc".to_owned(), Value::Rate(2e9))),
            aim: Aim::AtLeast(least),
        };
        assert_eq!(row(2e9, 1.0).is_met(), Some(true));
        assert_eq!(row(1.9e9, 1.0).is_met(), Some(false));
        let line = "| TCP | 1900 MB/s | lxc: 2000 MB/s | 0.95 | ≥ 0.95, met |\n";
        assert!(markdown(&[row(1.9e9, 0.95)]).ends_with(line));
    }

    #[test]
    fn an_aim_may_have_two_sides() {
        let twice = |times| Row {
            what: "share".to_owned(),
            veld: Some(Value::Factor(times)),
            peer: None,
            aim: Aim::Within(Value::Factor(2.0), 3.0),
        };
        assert_eq!(twice(2.05).is_met(), Some(true));
        assert_eq!(twice(1.93).is_met(), Some(false));
        let line = "| share | 2.070 |  |  | 2.000 ± 3 %, **missed** |\n";
        assert!(markdown(&[twice(2.07)]).ends_with(line));
    }

    #[test]
    fn a_peer_that_cannot_has_its_reason_in_place_of_a_value() {
        let mut row = row(Some(5), None, Aim::Ratio(1.0));
        row.peer = Some(Peer::Cannot("lxc".to_owned(), "no v1".to_owned()));
        assert_eq!(row.is_met(), None);
        let line = "| start | 5.00 ms | lxc cannot: no v1 |  | ≤ 1 |\n";
        assert!(markdown(&[row]).ends_with(line));
    }

    #[test]
    fn the_table_has_a_line_per_row() {
        let memory = Row {
            what: "shim".to_owned(),
            veld: Some(Value::Memory(56 * 1024)),
            peer: None,
            aim: Aim::AtMost(Value::Memory(100 * 1024)),
        };
        let table = markdown(&[
            row(Some(5), Some(20), Aim::Ratio(0.25)),
            row(None, Some(20), Aim::Ratio(0.25)),
            memory,
        ]);
        assert_eq!(
            table,
            "| what | veld | peer | ratio | aim |\n\
             |---|---:|---|---:|---|\n\
             | start | 5.00 ms | lxc-start: 20.0 ms | 0.25 | ≤ 0.25, met |\n\
             | start |  | lxc-start: 20.0 ms |  | ≤ 0.25 |\n\
             | shim | 56 KiB |  |  | ≤ 100 KiB, met |\n"
        );
    }
}
