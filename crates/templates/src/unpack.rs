//! From the entries of an archive to a tree.

use std::fs::File;
use std::io::BufRead;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;

use veld_sys::descriptor::start_writeback;

use crate::archive::{Archive, Entry, Kind, Map};
use crate::error::Error;
use crate::path::EntryPath;
use crate::progress::Reporter;
use crate::refusal::Refusal;
use crate::tree::Tree;
use crate::whiteout::{self, Mark};

/// Bytes of a file that are worth telling the kernel to begin with, while the next ones
/// are made: the whole is synced in the end.
const LARGE: u64 = 256 * 1024;

/// Unpacks a whole archive, to the last byte of `input`.
pub(crate) fn unpack(
    input: impl BufRead,
    tree: &mut Tree,
    reporter: &Reporter<'_>,
) -> Result<(), Error> {
    let mut archive = Archive::new(input);
    let mut roots = 0_u32;
    while let Some(entry) = archive.next(&mut tree.budget)? {
        roots = roots.saturating_add(u32::from(entry.path.is_root()));
        if roots > 1 {
            return Err(entry.path.refused(Refusal::SecondRoot));
        }
        unpack_entry(entry, &mut archive, tree, reporter)?;
        reporter.add_entry();
        reporter.tick()?;
    }
    tree.finish()
}

/// Unpacks one layer over those that are there, to the last byte of `input`. When
/// all are, [`Tree::finish`] is still to be called.
///
/// # Format
/// Image Layer Filesystem Changeset of the OCI image specification: `.wh.NAME`
/// takes away NAME, `.wh..wh..opq` all that is in its directory, both of lower
/// layers only. Other names that begin with `.wh..wh.` are notes of AUFS. Symbolic links
/// on the way to an entry are followed inside the tree.
pub(crate) fn unpack_layer(
    input: impl BufRead,
    tree: &mut Tree,
    reporter: &Reporter<'_>,
) -> Result<(), Error> {
    tree.begin_layer();
    let mut archive = Archive::of_layer(input);
    while let Some(entry) = archive.next(&mut tree.budget)? {
        let mark = whiteout::of(&entry.path).map_err(|refusal| entry.path.refused(refusal))?;
        match mark {
            None => {
                let entry = without_links(entry, tree)?;
                unpack_entry(entry, &mut archive, tree, reporter)?;
            }
            Some(Mark::Whiteout(path)) => {
                let path = tree.through_links(path)?;
                tree.white_out(&path)?;
            }
            Some(Mark::Opaque(directory)) => {
                let directory = tree.directory_through_links(directory)?;
                tree.make_opaque(&directory)?;
            }
            Some(Mark::Note) => {}
        }
        reporter.add_entry();
        reporter.tick()?;
    }
    Ok(())
}

/// The entry under the path that links of the tree lead to.
fn without_links(mut entry: Entry, tree: &mut Tree) -> Result<Entry, Error> {
    if let Kind::HardLink(target) = entry.kind {
        entry.kind = Kind::HardLink(tree.through_links(target)?);
    }
    entry.path = tree.through_links(entry.path)?;
    Ok(entry)
}

fn unpack_entry(
    entry: Entry,
    archive: &mut Archive<impl BufRead>,
    tree: &mut Tree,
    reporter: &Reporter<'_>,
) -> Result<(), Error> {
    let Entry { path, meta, .. } = entry;
    tree.skipped_xattrs = tree.skipped_xattrs.saturating_add(entry.left_out_xattrs);
    match entry.kind {
        Kind::File(map) => {
            // Before anything is made: a bomb is refused by what it says of itself.
            tree.budget.data(&path, map.size)?;
            let file = tree.file(&path)?;
            write_data(&path, &map, &file, archive, reporter)?;
            if map.size >= LARGE {
                start_writeback(file.as_fd());
            }
            tree.finish_file(path, &file, meta)
        }
        Kind::Directory => tree.directory(path, meta),
        Kind::Symlink(target) => tree.symlink(&path, &target, &meta),
        Kind::HardLink(target) => tree.hard_link(&path, &target),
        Kind::Fifo => tree.fifo(path, meta),
        Kind::Device => {
            tree.skipped_devices = tree.skipped_devices.saturating_add(1);
            tree.white_out(&path)
        }
    }
}

/// Writes what the archive has of a file; the rest of it is holes.
fn write_data(
    path: &EntryPath,
    map: &Map,
    file: &File,
    archive: &mut Archive<impl BufRead>,
    reporter: &Reporter<'_>,
) -> Result<(), Error> {
    let mut written_to = 0;
    for extent in &map.extents {
        let mut at = extent.offset;
        let end = extent.offset.saturating_add(extent.length);
        while at < end {
            let data = archive.data()?;
            let wanted = usize::try_from(end - at).unwrap_or(usize::MAX);
            let data = data.get(..wanted).unwrap_or(data);
            file.write_all_at(data, at).map_err(|e| path.failed(e))?;
            let length = data.len();
            archive.consume(length);
            at = at.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
            written_to = at;
            reporter.tick()?;
        }
    }
    if written_to < map.size {
        file.set_len(map.size).map_err(|e| path.failed(e))?;
    }
    Ok(())
}
