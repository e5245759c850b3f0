//! What files are in an archive, and where: a list made once, without unpacking.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Seek, SeekFrom};
use std::sync::Arc;

use veld_sys::Context;

use super::flaw;
use super::place::Blob;
use crate::archive::{Archive, Kind};
use crate::error::Error;
use crate::limits::{Budget, Limits};
use crate::path::EntryPath;
use crate::refusal::Refusal;

/// Members of an image. A layer is one, so that there are few.
const MAX_MEMBERS: u64 = 100_000;
/// A link to a link to a layer: `docker save` writes no chains.
const MAX_LINKS: usize = 4;

/// A plain tar archive in a file, by names.
#[derive(Debug)]
pub(crate) struct Members {
    file: Arc<File>,
    found: HashMap<Vec<u8>, Member>,
}

#[derive(Debug)]
enum Member {
    Data { at: u64, length: u64 },
    Link(Vec<u8>),
}

impl Members {
    /// Lists what is in an archive that is not compressed.
    ///
    /// # Errors
    /// Those of an archive; [`Error::Refused`] for more members than an image has.
    pub(crate) fn list(file: File, limits: Limits) -> Result<Self, Error> {
        let reading = || "read archive";
        let file = Arc::new(file);
        let mut input = BufReader::new(&*file);
        input.seek(SeekFrom::Start(0)).context(reading)?;
        let mut archive = Archive::new(input);
        let mut budget = Budget::new(Limits {
            entries: MAX_MEMBERS,
            size: limits.size,
        });
        let mut found = HashMap::new();
        while let Some(entry) = archive.next(&mut budget)? {
            let name = entry.path.as_bytes().to_vec();
            budget.deferred(&entry.path, name.len() + 64)?;
            let at = archive.place().context(reading)?;
            match entry.kind {
                Kind::File(map) if map.is_whole() => {
                    let length = map.size;
                    found.insert(name, Member::Data { at, length });
                }
                Kind::Symlink(target) => {
                    budget.deferred(&entry.path, target.len())?;
                    let target = beside(&entry.path, &target)?;
                    found.insert(name, Member::Link(target));
                }
                Kind::HardLink(target) => {
                    let target = target.as_bytes().to_vec();
                    found.insert(name, Member::Link(target));
                }
                Kind::File(_) | Kind::Directory | Kind::Fifo | Kind::Device => {}
            }
            archive.pass()?;
        }
        drop(archive);
        Ok(Self { file, found })
    }

    pub(super) fn open(&self, path: &str) -> Result<Blob, Error> {
        let missing = || flaw(&format!("has no {path}"));
        let mut name = path.as_bytes();
        for _ in 0..=MAX_LINKS {
            match self.found.get(name).ok_or_else(missing)? {
                Member::Link(target) => name = target,
                &Member::Data { at, length } => {
                    let (file, left) = (Arc::clone(&self.file), length);
                    return Ok(Blob { file, at, left });
                }
            }
        }
        Err(flaw(&format!("has {path}, which is a link too often")))
    }
}

/// The target of a member that is a symbolic link: `../ID/layer.tar`, resolved by
/// its text. It is a key of the list and no path of the host.
fn beside(link: &EntryPath, target: &[u8]) -> Result<Vec<u8>, Error> {
    let (parent, _) = link.split().unwrap_or_default();
    let mut parts: Vec<&[u8]> = crate::path::components(parent).collect();
    for part in target.split(|&byte| byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." if parts.pop().is_none() => return Err(link.refused(Refusal::DotDot)),
            b".." => {}
            part => parts.push(part),
        }
    }
    Ok(parts.join(&b'/'))
}
