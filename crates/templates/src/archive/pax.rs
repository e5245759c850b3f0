//! Records of a pax header: `LENGTH KEY=VALUE\n`, the value being any bytes.
//!
//! # Format
//! pax(1p), "pax Extended Header"; the keys of star(5) for attributes and lists,
//! of GNU tar for sparse files.

use crate::acl::{self, Acl};
use crate::limits::MAX_EXTENTS;
use crate::meta::{Meta, Time};
use crate::refusal::Refusal;
use crate::xattr;

use super::sparse::Extent;

/// What the records said, each key once, the last value of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Records {
    pub(super) path: Option<Vec<u8>>,
    pub(super) link: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    pub(super) uid: Option<u64>,
    pub(super) gid: Option<u64>,
    pub(super) time: Option<Time>,
    pub(super) sparse: SparseRecords,
    /// Attributes and lists; nothing else in it is used.
    pub(super) meta: Meta,
    /// Attributes that a template does not keep.
    pub(super) left_out: u64,
}

/// The keys `GNU.sparse.*`.
#[derive(Debug, Clone, Default)]
pub(super) struct SparseRecords {
    pub(super) major: u64,
    pub(super) real_size: Option<u64>,
    /// Of 0.0 and 0.1; in 1.0 the map is in the data.
    pub(super) map: Option<Vec<Extent>>,
    pending_offset: Option<u64>,
}

impl Records {
    /// Reads the records of one header over those known so far.
    pub(super) fn read(&mut self, mut text: &[u8]) -> Result<(), Refusal> {
        let malformed = Refusal::Field("pax header");
        while !text.is_empty() {
            // Some writers fill the block with NULs.
            if text.iter().all(|&byte| byte == 0) {
                break;
            }
            let space = text.iter().position(|&byte| byte == b' ');
            let space = space.ok_or_else(|| malformed.clone())?;
            let length = text.get(..space).and_then(decimal);
            let length = length.and_then(|length| usize::try_from(length).ok());
            let record = length
                .and_then(|length| text.get(space + 1..length))
                .and_then(|record| record.strip_suffix(b"\n"))
                .ok_or_else(|| malformed.clone())?;
            let equals = record.iter().position(|&byte| byte == b'=');
            let (key, value) = equals
                .and_then(|at| Some((record.get(..at)?, record.get(at + 1..)?)))
                .ok_or_else(|| malformed.clone())?;
            self.set(key, value)?;
            text = length
                .and_then(|length| text.get(length..))
                .unwrap_or_default();
        }
        Ok(())
    }

    fn set(&mut self, key: &[u8], value: &[u8]) -> Result<(), Refusal> {
        if let Some(name) = key.strip_prefix(b"SCHILY.xattr.") {
            let kept = xattr::add(&mut self.meta, &decode_name(name), value.to_vec())?;
            self.left_out += u64::from(!kept);
            return Ok(());
        }
        match key {
            b"path" => self.path = given(value),
            b"linkpath" => self.link = given(value),
            b"size" => self.size = number(value, "size")?,
            b"uid" => self.uid = number(value, "uid")?,
            b"gid" => self.gid = number(value, "gid")?,
            b"mtime" => {
                self.time = match value {
                    b"" => None,
                    text => Some(time(text).ok_or(Refusal::Field("mtime"))?),
                };
            }
            b"SCHILY.acl.access" => self.set_acl(acl::ACCESS, value)?,
            b"SCHILY.acl.default" => self.set_acl(acl::DEFAULT, value)?,
            _ => {
                if let Some(key) = key.strip_prefix(b"GNU.sparse.") {
                    self.set_sparse(key, value)?;
                }
            }
        }
        Ok(())
    }

    fn set_acl(&mut self, attribute: &'static std::ffi::CStr, text: &[u8]) -> Result<(), Refusal> {
        let acls = &mut self.meta.acls;
        acls.retain(|acl| acl.attribute != attribute);
        let acl = Acl::parse(attribute, text)?;
        if !acl.is_empty() {
            acls.push(acl);
        }
        Ok(())
    }

    fn set_sparse(&mut self, key: &[u8], value: &[u8]) -> Result<(), Refusal> {
        let sparse = &mut self.sparse;
        let bad = || Refusal::SparseMap;
        match key {
            b"name" => self.path = given(value),
            b"size" | b"realsize" => sparse.real_size = Some(decimal(value).ok_or_else(bad)?),
            b"major" => sparse.major = decimal(value).ok_or_else(bad)?,
            b"numblocks" => sparse.map = Some(Vec::new()),
            b"offset" => sparse.pending_offset = Some(decimal(value).ok_or_else(bad)?),
            b"numbytes" => {
                let offset = sparse.pending_offset.take().ok_or_else(bad)?;
                let length = decimal(value).ok_or_else(bad)?;
                let map = sparse.map.get_or_insert_default();
                if map.len() >= MAX_EXTENTS {
                    return Err(bad());
                }
                map.push(Extent { offset, length });
            }
            b"map" => sparse.map = Some(pairs(value).ok_or_else(bad)?),
            _ => {}
        }
        Ok(())
    }
}

/// `offset,length,offset,length`; empty for a file that is one hole.
fn pairs(text: &[u8]) -> Option<Vec<Extent>> {
    let mut map = Vec::new();
    if text.is_empty() {
        return Some(map);
    }
    let mut numbers = text.split(|&byte| byte == b',').map(decimal);
    while let Some(offset) = numbers.next() {
        if map.len() >= MAX_EXTENTS {
            return None;
        }
        map.push(Extent {
            offset: offset?,
            length: numbers.next()??,
        });
    }
    Some(map)
}

/// An empty value takes a key back.
fn given(value: &[u8]) -> Option<Vec<u8>> {
    (!value.is_empty()).then(|| value.to_vec())
}

fn number(value: &[u8], field: &'static str) -> Result<Option<u64>, Refusal> {
    match value {
        b"" => Ok(None),
        digits => decimal(digits).map(Some).ok_or(Refusal::Field(field)),
    }
}

/// Digits only: no sign, no space.
pub(super) fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// `-12.345`: seconds and a fraction, of which nine digits count.
fn time(text: &[u8]) -> Option<Time> {
    let (negative, text) = match text.strip_prefix(b"-") {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let point = text.iter().position(|&byte| byte == b'.');
    let (whole, fraction) = match point {
        Some(at) => (text.get(..at)?, text.get(at + 1..)?),
        None => (text, &b""[..]),
    };
    if !fraction.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let seconds = i64::try_from(decimal(whole)?).ok()?;
    let digits = fraction.iter().chain(b"000000000").take(9);
    let nanoseconds = digits.fold(0_u32, |sum, digit| sum * 10 + u32::from(digit - b'0'));
    Some(match (negative, nanoseconds) {
        (false, _) => Time {
            seconds,
            nanoseconds,
        },
        (true, 0) => Time {
            seconds: -seconds,
            nanoseconds,
        },
        // Half a second before -1 is -2 and half a second.
        (true, _) => Time {
            seconds: -seconds - 1,
            nanoseconds: 1_000_000_000 - nanoseconds,
        },
    })
}

/// GNU tar writes `=` and `%` in a name as `%3D` and `%25`.
fn decode_name(name: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(name.len());
    let mut rest = name;
    while let [first, tail @ ..] = rest {
        let (byte, tail) = match rest {
            [b'%', b'3', b'D', after @ ..] => (b'=', after),
            [b'%', b'2', b'5', after @ ..] => (b'%', after),
            _ => (*first, tail),
        };
        plain.push(byte);
        rest = tail;
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_may_hold_line_ends() {
        let mut records = Records::default();
        records
            .read(b"27 SCHILY.xattr.user.a=x\n\n\n13 path=a\nbc\n")
            .unwrap();
        assert_eq!(
            records.meta.xattrs,
            [(c"user.a".to_owned(), b"x\n\n".to_vec())]
        );
        assert_eq!(records.path.as_deref(), Some(&b"a\nbc"[..]));
    }

    #[test]
    fn lengths_that_lie_are_refused() {
        for bad in [
            &b"9 path=a\nb\n"[..],
            b"99 path=a\n",
            b"3 p",
            b"0 path=a\n",
            b"18446744073709551617 path=a\n",
            b"-9 path=a\n",
            b"10 path:ab\n",
        ] {
            let mut records = Records::default();
            assert!(records.read(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn times_have_nine_digits_and_a_sign() {
        let at = |seconds, nanoseconds| {
            Some(Time {
                seconds,
                nanoseconds,
            })
        };
        assert_eq!(time(b"12"), at(12, 0));
        assert_eq!(time(b"12.5"), at(12, 500_000_000));
        assert_eq!(time(b"12.0000000019"), at(12, 1));
        assert_eq!(time(b"-1.25"), at(-2, 750_000_000));
        for bad in [&b""[..], b".5", b"1.x", b"+1", b"99999999999999999999"] {
            assert_eq!(time(bad), None);
        }
    }

    #[test]
    fn names_of_attributes_are_decoded() {
        assert_eq!(decode_name(b"user.a%3Db%2525"), b"user.a=b%25");
    }
}
