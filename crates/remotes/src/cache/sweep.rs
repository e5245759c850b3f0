//! What of the cache nobody needs any more.

use std::collections::BTreeSet;
use std::fs::DirEntry;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use veld_sys::{Context, fault};

use super::Cache;
use crate::digest::Digest;
use crate::error::Error;
use crate::oci::{forget, referred};

/// What a sweep has taken away.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Cache {
    /// Takes the images out of the index whose names are not to be kept, and removes
    /// what of their blobs no other image refers to. What pulls have begun goes, too,
    /// where nothing was added to it for `stale`: blobs of no image, parts of files,
    /// files of simplestreams.
    ///
    /// # Errors
    /// [`Error::Busy`] while something is pulled or imported; where a file cannot be
    /// removed. What was removed before is gone.
    pub fn sweep(&self, stale: Duration, keep: impl Fn(&str) -> bool) -> Result<Swept, Error> {
        let mut swept = Swept::default();
        if !self.path.is_dir() {
            return Ok(swept);
        }
        let _alone = self.hold_alone()?;
        let paths = |blobs: Vec<Digest>| -> BTreeSet<PathBuf> {
            blobs.iter().map(|digest| self.blob(digest)).collect()
        };
        let forgotten = paths(forget(self, keep)?);
        let needed = paths(referred(self)?);
        for folder in entries(&self.layout().join("blobs"))? {
            for blob in entries(&folder.path())? {
                let path = blob.path();
                let is_over = forgotten.contains(&path) || is_stale(&blob, stale);
                if is_over && !needed.contains(&path) {
                    remove(&blob, &mut swept)?;
                }
            }
        }
        for part in entries(&self.partial())? {
            if is_stale(&part, stale) {
                remove(&part, &mut swept)?;
            }
        }
        for image in entries(&self.streams())? {
            let files = entries(&image.path())?;
            if files.iter().all(|file| is_stale(file, stale)) {
                files.iter().try_for_each(|file| remove(file, &mut swept))?;
                let path = image.path();
                std::fs::remove_dir(&path).context(|| format!("remove {}", path.display()))?;
            }
        }
        Ok(swept)
    }
}

/// What is in a directory; nothing where there is none.
fn entries(path: &Path) -> Result<Vec<DirEntry>, Error> {
    let reading = || format!("read {}", path.display());
    let found = match std::fs::read_dir(path) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.context(reading)?,
    };
    let found: io::Result<Vec<DirEntry>> = found.collect();
    Ok(found.context(reading)?)
}

fn is_stale(entry: &DirEntry, stale: Duration) -> bool {
    let modified = entry.metadata().and_then(|metadata| metadata.modified());
    // One of the future says nothing, and is kept until its time has come.
    modified.is_ok_and(|time| time.elapsed().is_ok_and(|age| age >= stale))
}

fn remove(entry: &DirEntry, swept: &mut Swept) -> Result<(), Error> {
    let path = entry.path();
    let bytes = entry.metadata().map_or(0, |metadata| metadata.len());
    fault::point("remove cached file")
        .and_then(|()| std::fs::remove_file(&path))
        .context(|| format!("remove {}", path.display()))?;
    swept.files += 1;
    swept.bytes = swept.bytes.saturating_add(bytes);
    Ok(())
}
