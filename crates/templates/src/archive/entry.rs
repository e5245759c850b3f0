//! One entry: its own header and what the headers before it said, made into a
//! path, a kind and metadata that are within bounds.

use std::io::{self, BufRead};

use tar::Header;

use crate::limits::MAX_PATH;
use crate::meta::{Meta, Time, checked_id};
use crate::path::EntryPath;
use crate::refusal::Refusal;

use super::pax::Records;
use super::sparse::{self, Extent, Map};
use super::{Archive, Broken};

/// One entry of an archive, its data still to be read from the archive.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) path: EntryPath,
    pub(crate) kind: Kind,
    pub(crate) meta: Meta,
    pub(crate) left_out_xattrs: u64,
}

/// What an entry is.
#[derive(Debug)]
pub(crate) enum Kind {
    File(Map),
    Directory,
    Symlink(Vec<u8>),
    HardLink(EntryPath),
    Fifo,
    /// A device node, which nothing in a VE's own tree may be.
    Device,
}

/// What the headers before an entry's own said.
#[derive(Default)]
pub(super) struct Before {
    pub(super) path: Option<Vec<u8>>,
    pub(super) link: Option<Vec<u8>>,
    pub(super) records: Option<Records>,
    /// What was wrong with the records: told of the entry that they are for.
    pub(super) refusal: Option<Refusal>,
}

impl Before {
    pub(super) fn name(&self, header: &Header) -> Vec<u8> {
        let pax = self
            .records
            .as_ref()
            .and_then(|records| records.path.as_ref());
        match pax.or(self.path.as_ref()) {
            Some(path) => path.clone(),
            None => header.path_bytes().into_owned(),
        }
    }

    fn link_name(&self, header: &Header) -> Vec<u8> {
        let pax = self
            .records
            .as_ref()
            .and_then(|records| records.link.as_ref());
        match pax.or(self.link.as_ref()) {
            Some(link) => link.clone(),
            None => header.link_name_bytes().unwrap_or_default().into_owned(),
        }
    }
}

impl<R: BufRead> Archive<R> {
    /// Takes an entry's own header, with what those before it said. Its data is next
    /// in the stream.
    pub(super) fn entry(&mut self, header: &Header, before: Before) -> Result<Entry, Broken> {
        if let Some(refusal) = before.refusal {
            return Err(refusal.into());
        }
        let mut name = before.name(header);
        let mut link = before.link_name(header);
        if self.is_layer {
            name = without_slashes(&name);
            if header.as_old().linkflag == [b'1'] {
                link = without_slashes(&link);
            }
        }
        let records = before.records.unwrap_or_else(|| self.global.clone());
        let path = EntryPath::parse(&name)?;
        let meta = Self::meta(header, &records)?;
        let stored = match records.size {
            Some(size) => size,
            None => header.entry_size().map_err(|_| Refusal::Field("size"))?,
        };
        let flag = match header.as_old().linkflag {
            // Before POSIX a directory was a file whose name ends in a slash.
            [0 | b'0' | b'7'] if name.ends_with(b"/") => b'5',
            [flag] => flag,
        };
        self.expect(if flag == b'1' { 0 } else { stored });
        let kind = match flag {
            0 | b'0' | b'7' => Kind::File(self.map(stored, &records)?),
            b'S' => Kind::File(self.old_map(stored, header)?),
            b'1' => Kind::HardLink(link_target(&link)?),
            b'2' if link.is_empty() || link.len() > MAX_PATH => {
                return Err(Refusal::BadLinkTarget.into());
            }
            b'2' if link.contains(&0) => return Err(Refusal::Nul.into()),
            b'2' => Kind::Symlink(link),
            b'3' | b'4' => Kind::Device,
            b'5' | b'D' => Kind::Directory,
            b'6' => Kind::Fifo,
            other => return Err(Refusal::Type(other.into()).into()),
        };
        Ok(Entry {
            path,
            kind,
            meta,
            left_out_xattrs: records.left_out,
        })
    }

    fn meta(header: &Header, records: &Records) -> Result<Meta, Refusal> {
        let field = |field| move |_: io::Error| Refusal::Field(field);
        let uid = records.uid.map_or_else(|| header.uid(), Ok);
        let gid = records.gid.map_or_else(|| header.gid(), Ok);
        let time = match records.time {
            Some(time) => time,
            // Base-256 is two's complement: before 1970 it is negative.
            None => Time {
                seconds: header.mtime().map_err(field("mtime"))?.cast_signed(),
                nanoseconds: 0,
            },
        };
        let mut meta = Meta {
            mode: header.mode().map_err(field("mode"))? & 0o7777,
            uid: checked_id("user", uid.map_err(field("uid"))?)?,
            gid: checked_id("group", gid.map_err(field("gid"))?)?,
            time,
            ..records.meta.clone()
        };
        // The binary form has numbers, so it is the better one where both are there.
        let xattrs = &meta.xattrs;
        meta.acls
            .retain(|acl| !xattrs.iter().any(|(name, _)| **name == *acl.attribute));
        Ok(meta)
    }

    /// The map of a file with or without sparse records.
    fn map(&mut self, stored: u64, records: &Records) -> Result<Map, Broken> {
        let sparse = &records.sparse;
        let Some(size) = sparse.real_size else {
            if i64::try_from(stored).is_err() {
                return Err(Refusal::Field("size").into());
            }
            let whole = Extent {
                offset: 0,
                length: stored,
            };
            return Ok(Map::new(vec![whole], stored, stored)?);
        };
        if let Some(map) = &sparse.map {
            return Ok(Map::new(map.clone(), size, stored)?);
        }
        if sparse.major != 1 {
            return Err(Refusal::SparseMap.into());
        }
        let (extents, taken) = sparse::read_embedded(self, stored)?;
        self.left = stored.saturating_sub(taken);
        Ok(Map::new(extents, size, self.left)?)
    }

    fn old_map(&mut self, stored: u64, header: &Header) -> Result<Map, Broken> {
        let header = header.as_gnu().ok_or(Refusal::SparseMap)?;
        let (extents, size) = sparse::read_old(self, header)?;
        Ok(Map::new(extents, size, stored)?)
    }
}

fn without_slashes(name: &[u8]) -> Vec<u8> {
    let start = name.iter().position(|&byte| byte != b'/');
    name.get(start.unwrap_or(name.len())..)
        .unwrap_or_default()
        .to_vec()
}

fn link_target(link: &[u8]) -> Result<EntryPath, Refusal> {
    EntryPath::parse(link).map_err(|why| Refusal::LinkTarget {
        target: String::from_utf8_lossy(link).into_owned(),
        why: Box::new(why),
    })
}
