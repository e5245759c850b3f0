//! Netlink attributes of nftables: numbers are big-endian, texts end with a NUL,
//! and attributes nest several levels deep.

use netlink_packet_core::{NlaBuffer, NlasIterator};

/// `NLA_F_NESTED`, which says of an attribute that it holds others.
const NESTED: u16 = 1 << 15;
/// Length and kind.
const HEADER: usize = 4;

/// A sequence of attributes as they go to the kernel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Attributes(Vec<u8>);

impl Attributes {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn text(self, kind: u16, text: &str) -> Self {
        let mut value = text.as_bytes().to_vec();
        value.push(0);
        self.bytes(kind, &value)
    }

    pub(crate) fn number(self, kind: u16, number: u32) -> Self {
        self.bytes(kind, &number.to_be_bytes())
    }

    pub(crate) fn nest(self, kind: u16, inner: &Self) -> Self {
        self.bytes(kind | NESTED, &inner.0)
    }

    /// An attribute of any value. None that is made here is near the 64 KiB that
    /// an attribute can have at most; a longer one would be cut.
    pub(crate) fn bytes(mut self, kind: u16, value: &[u8]) -> Self {
        let length = u16::try_from(HEADER + value.len()).unwrap_or(u16::MAX);
        let value = value.get(..usize::from(length) - HEADER).unwrap_or(value);
        self.0.extend(length.to_ne_bytes());
        self.0.extend(kind.to_ne_bytes());
        self.0.extend(value);
        self.0.resize(self.0.len().next_multiple_of(HEADER), 0);
        self
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The value of the attribute that a path of kinds leads to.
pub(crate) fn find<'a>(attributes: &'a [u8], path: &[u16]) -> Option<&'a [u8]> {
    path.iter().try_fold(attributes, |level, kind| {
        let attribute: NlaBuffer<&'a [u8]> = NlasIterator::new(level)
            .map_while(Result::ok)
            .find(|attribute| attribute.kind() == *kind)?;
        let length = usize::from(attribute.length());
        attribute.into_inner().get(HEADER..length)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_padded_and_lengths_are_not() {
        let made = Attributes::new().text(1, "abcd").number(2, 5);
        let mut expected = Vec::new();
        expected.extend(9_u16.to_ne_bytes());
        expected.extend(1_u16.to_ne_bytes());
        expected.extend(b"abcd\0\0\0\0");
        expected.extend(8_u16.to_ne_bytes());
        expected.extend(2_u16.to_ne_bytes());
        expected.extend([0, 0, 0, 5]);
        assert_eq!(made.as_bytes(), expected);
    }

    #[test]
    fn what_was_nested_is_found() {
        let inner = Attributes::new().number(1, 7).text(2, "x");
        let made = Attributes::new().number(1, 9).nest(3, &inner);
        assert_eq!(find(made.as_bytes(), &[3, 2]), Some(&b"x\0"[..]));
        assert_eq!(find(made.as_bytes(), &[3, 1]), Some(&[0, 0, 0, 7][..]));
        assert_eq!(find(made.as_bytes(), &[4]), None);
        assert_eq!(find(made.as_bytes(), &[3, 9]), None);
    }

    #[test]
    fn lengths_that_lie_find_nothing() {
        for length in [0_u16, 3, 200] {
            let mut bytes = length.to_ne_bytes().to_vec();
            bytes.extend(1_u16.to_ne_bytes());
            bytes.extend([0; 4]);
            assert_eq!(find(&bytes, &[1]), None, "{length}");
        }
    }
}
