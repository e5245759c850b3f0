//! Run levels, as inittab(5) and init(8) of System V have them.

/// One run level: `0` to `9`, `S` of a single user, or one of `a`, `b` and `c`,
/// which are never entered but add their entries to the level that there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Level(u8);

impl Level {
    /// Everything is stopped.
    pub(crate) const HALT: Self = Self(b'0');
    /// Everything is stopped, to start again.
    pub(crate) const REBOOT: Self = Self(b'6');
    /// One user; also what a boot begins in.
    pub(crate) const SINGLE: Self = Self(b'S');
    /// What is entered where no file says which: Debian's usual one.
    pub(crate) const USUAL: Self = Self(b'2');

    /// The level that a letter or digit stands for; `s` and `S` are one.
    pub(crate) fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            b'0'..=b'9' => Some(Self(byte)),
            b's' | b'S' => Some(Self::SINGLE),
            b'a'..=b'c' => Some(Self(byte)),
            b'A'..=b'C' => Some(Self(byte.to_ascii_lowercase())),
            _ => None,
        }
    }

    /// Whether it is one that only adds.
    pub(crate) fn is_on_demand(self) -> bool {
        self.0.is_ascii_lowercase()
    }

    /// The letter or digit.
    pub(crate) fn byte(self) -> u8 {
        self.0
    }

    /// The same, for people and for environments.
    pub(crate) fn char(self) -> char {
        char::from(self.0)
    }

    fn bit(self) -> u16 {
        match self.0 {
            digit @ b'0'..=b'9' => 1 << (digit - b'0'),
            letter @ b'a'..=b'c' => 1 << (11 + letter - b'a'),
            _ => 1 << 10,
        }
    }
}

/// A set of run levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Levels(u16);

impl Levels {
    /// All of them: of an init that does not know any.
    pub(crate) const ALL: Self = Self(u16::MAX);

    /// Those with a number: what an entry that names none is meant for.
    pub(crate) const NUMBERED: Self = Self(0x3ff);

    /// The levels of a field of letters and digits; what is neither is passed over.
    pub(crate) fn of(field: &str) -> Self {
        if field.is_empty() {
            return Self::NUMBERED;
        }
        let levels = field.bytes().filter_map(Level::from_byte);
        Self(levels.fold(0, |set, level| set | level.bit()))
    }

    /// Whether a level is among them.
    pub(crate) fn contain(self, level: Level) -> bool {
        self.0 & level.bit() != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_names_its_levels() {
        let levels = Levels::of("23s");
        let within = |byte| levels.contain(Level::from_byte(byte).unwrap());
        assert!(within(b'2') && within(b'3') && within(b'S'));
        assert!(!within(b'0') && !within(b'6') && !within(b'1'));
        assert!(Levels::of("").contain(Level::HALT));
        assert!(!Levels::of("").contain(Level::SINGLE) && Levels::ALL.contain(Level::SINGLE));
        assert!(!Levels::of("abc").contain(Level::USUAL));
        let demand = Level::from_byte(b'B').unwrap();
        assert!(Levels::of("b").contain(demand) && demand.is_on_demand());
        assert_eq!(Level::from_byte(b'q'), None);
        assert_eq!(Level::from_byte(b's').unwrap().char(), 'S');
    }
}
