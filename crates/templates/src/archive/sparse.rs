//! Maps of sparse files: which parts of a file an archive has data for, in the
//! four ways that GNU tar wrote them over the years.
//!
//! # Format
//! GNU tar manual, "Storing Sparse Files": the old type `S`, pax 0.0, 0.1, 1.0.

use std::io::BufRead;

use tar::{GnuExtSparseHeader, GnuHeader, GnuSparseHeader};

use crate::limits::MAX_EXTENTS;
use crate::refusal::Refusal;

use super::{Archive, BLOCK, Broken, pax};

/// A part of a file that has data; the data of all parts follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extent {
    pub(crate) offset: u64,
    pub(crate) length: u64,
}

/// A file with holes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Map {
    pub(crate) extents: Vec<Extent>,
    /// Size of the file, the hole at its end included.
    pub(crate) size: u64,
}

impl Map {
    /// Takes extents that rise, do not overlap, stay in the file and have as much
    /// data altogether as the archive holds.
    pub(super) fn new(extents: Vec<Extent>, size: u64, stored: u64) -> Result<Self, Refusal> {
        let mut end = 0_u64;
        let mut data = 0_u64;
        for extent in &extents {
            if extent.offset < end {
                return Err(Refusal::SparseMap);
            }
            let next = extent.offset.checked_add(extent.length);
            end = next.ok_or(Refusal::SparseMap)?;
            data = data.checked_add(extent.length).ok_or(Refusal::SparseMap)?;
        }
        if end > size || data != stored || i64::try_from(size).is_err() {
            return Err(Refusal::SparseMap);
        }
        Ok(Self { extents, size })
    }

    /// Whether the archive has all of it in one piece.
    pub(crate) fn is_whole(&self) -> bool {
        match self.extents.as_slice() {
            [] => self.size == 0,
            [one] => one.offset == 0 && one.length == self.size,
            _ => false,
        }
    }
}

/// The map of the old type `S`: four pairs in the header, 21 in each block that
/// follows it.
pub(super) fn read_old<R: BufRead>(
    archive: &mut Archive<R>,
    header: &GnuHeader,
) -> Result<(Vec<Extent>, u64), Broken> {
    let bad = |_| Broken::from(Refusal::SparseMap);
    let mut extents = Vec::new();
    push_all(&mut extents, &header.sparse)?;
    let mut more = header.is_extended();
    while more {
        let mut block = GnuExtSparseHeader::new();
        archive.read_exact(block.as_mut_bytes())?;
        push_all(&mut extents, block.sparse())?;
        more = block.is_extended();
    }
    Ok((extents, header.real_size().map_err(bad)?))
}

fn push_all(extents: &mut Vec<Extent>, pairs: &[GnuSparseHeader]) -> Result<(), Refusal> {
    for pair in pairs.iter().filter(|pair| !pair.is_empty()) {
        if extents.len() >= MAX_EXTENTS {
            return Err(Refusal::SparseMap);
        }
        extents.push(Extent {
            offset: pair.offset().map_err(|_| Refusal::SparseMap)?,
            length: pair.length().map_err(|_| Refusal::SparseMap)?,
        });
    }
    Ok(())
}

/// The map of pax 1.0: numbers in lines at the start of the data, filled up to a
/// whole block. Returns the extents and the bytes that the map took.
pub(super) fn read_embedded<R: BufRead>(
    archive: &mut Archive<R>,
    stored: u64,
) -> Result<(Vec<Extent>, u64), Broken> {
    let mut numbers = Numbers {
        archive,
        block: [0; BLOCK],
        used: BLOCK,
        taken: 0,
        stored,
    };
    let count = usize::try_from(numbers.next()?).map_err(|_| Refusal::SparseMap)?;
    if count > MAX_EXTENTS {
        return Err(Refusal::SparseMap.into());
    }
    let mut extents = Vec::new();
    for _ in 0..count {
        let offset = numbers.next()?;
        let length = numbers.next()?;
        extents.push(Extent { offset, length });
    }
    Ok((extents, numbers.taken))
}

struct Numbers<'a, R> {
    archive: &'a mut Archive<R>,
    block: [u8; BLOCK],
    used: usize,
    taken: u64,
    stored: u64,
}

impl<R: BufRead> Numbers<'_, R> {
    fn next(&mut self) -> Result<u64, Broken> {
        let mut digits = Vec::new();
        loop {
            if self.used == BLOCK {
                self.taken += 512;
                if self.taken > self.stored {
                    return Err(Refusal::SparseMap.into());
                }
                self.archive.read_exact(&mut self.block)?;
                self.used = 0;
            }
            let byte = self.block.get(self.used).copied().unwrap_or_default();
            self.used += 1;
            if byte == b'\n' {
                return Ok(pax::decimal(&digits).ok_or(Refusal::SparseMap)?);
            }
            if digits.len() > 20 {
                return Err(Refusal::SparseMap.into());
            }
            digits.push(byte);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_fits_its_file() {
        let extent = |offset, length| Extent { offset, length };
        let two = vec![extent(0, 512), extent(4096, 10)];
        assert!(Map::new(two.clone(), 5000, 522).is_ok());
        assert!(Map::new(two.clone(), 4100, 522).is_err());
        assert!(Map::new(two, 5000, 521).is_err());
        assert!(Map::new(vec![extent(10, 5), extent(12, 5)], 100, 10).is_err());
        assert!(Map::new(vec![extent(u64::MAX, 2)], u64::MAX, 2).is_err());
        assert!(Map::new(Vec::new(), u64::MAX, 0).is_err());
        assert!(Map::new(Vec::new(), 1 << 40, 0).is_ok());
    }
}
