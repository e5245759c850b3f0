//! Files on their way to a tree: told apart by content, and copied to a file of
//! our own where they have to be read by offset and cannot be, or where what was
//! checked must be what is used.

use std::fs::File;
use std::io::{self, BufRead, Cursor, Read, Write};
use std::os::fd::AsFd;
use std::path::Path;

use rustix::fs::{Mode, OFlags, openat};
use veld_sys::{Context, fault};

use crate::ahead::read_ahead;
use crate::error::Error;
use crate::image::{self, Blob, Members, Place, Wanted};
use crate::import::{Filling, Found, open_file};
use crate::path::EntryPath;
use crate::refusal::Refusal;
use crate::stream::{Hashing, Tap, decompress};
use crate::tree::Tree;
use crate::unpack::unpack;
use crate::{lxc, magic, signature, squashfs, top, vzdump};

/// Bytes of an archive that are looked at to know what it may be.
const START: u64 = 64 * 1024;
const BUFFER: usize = 256 * 1024;

impl Filling<'_, '_> {
    /// A file of the host: regular, or a fifo that somebody writes an archive to.
    pub(crate) fn file(&self, path: &Path, tree: &mut Tree) -> Result<Found, Error> {
        let label = path.display().to_string();
        let mut file = open_file(path)?;
        let reading = || format!("read {label}");
        let metadata = file.metadata().context(reading)?;
        if !metadata.is_file() {
            if self.options.signature.is_some() {
                return Err(Error::Usage {
                    what: "a signature is checked for a file alone: not for a directory, \
                           nor for standard input",
                });
            }
            return self.stream(&mut file, &label, tree);
        }
        if let Some(signed) = &self.options.signature {
            let mut copy = self.spool(&mut file)?;
            signature::check(&mut copy, signed)?;
            file = copy;
        }
        self.reporter.expect(metadata.len());
        let name = path.file_name().map(|name| name.to_string_lossy().into());
        let found = self.regular(file, label, tree)?;
        Ok(Found {
            file_name: name,
            ..found
        })
    }

    /// A file that can be read at any offset.
    fn regular(&self, file: File, label: String, tree: &mut Tree) -> Result<Found, Error> {
        let reading = || format!("read {label}");
        let blob = Blob::whole(file.try_clone().context(reading)?).context(reading)?;
        let mut start = Vec::new();
        let mut head = blob.clone().take(magic::ENOUGH);
        head.read_to_end(&mut start).context(reading)?;
        if magic::is_squashfs(&start) {
            return self.squashfs(&file, label, tree);
        }
        if may_hold_image(blob.clone()) {
            let plain = magic::is_plain(&start);
            let found = self.try_image(&file, plain, &label, tree)?;
            if let Some(found) = found {
                return Ok(found);
            }
        }
        self.expect_no_image()?;
        let ((), sums) = read_ahead(blob, false, self.reporter, |archive| {
            unpack(archive, tree, self.reporter)
        })?;
        self.check_digests(&[&sums.digest])?;
        self.settle()?;
        Ok(Found {
            label,
            digest: Some(sums.digest),
            ..Found::default()
        })
    }

    /// An archive that can be read once.
    pub(crate) fn stream(
        &self,
        stream: &mut dyn Read,
        label: &str,
        tree: &mut Tree,
    ) -> Result<Found, Error> {
        let mut tap = Tap::new(stream, self.reporter);
        let mut archive = Peeked::new(decompress(&mut tap)?);
        let start = archive.start.get_ref();
        if !magic::is_squashfs(start) && !looks_like_image(start) {
            self.expect_no_image()?;
            unpack(&mut archive, tree, self.reporter)?;
            drop(archive);
            let digest = tap.digest();
            self.check_digests(&[&digest])?;
            self.settle()?;
            return Ok(Found {
                label: label.to_owned(),
                digest: Some(digest),
                ..Found::default()
            });
        }
        let copy = self.spool(&mut archive)?;
        drop(archive);
        let digest = tap.digest();
        self.check_digests(&[&digest])?;
        let whole = Filling {
            options: &crate::ImportOptions {
                digest: None,
                ..self.options.clone()
            },
            ..*self
        };
        let found = whole.regular(copy, label.to_owned(), tree)?;
        Ok(Found {
            digest: found.image.as_ref().map_or(Some(digest), |_| found.digest),
            ..found
        })
    }

    /// The image in an archive, if it is an archive of images.
    fn try_image(
        &self,
        file: &File,
        is_plain: bool,
        label: &str,
        tree: &mut Tree,
    ) -> Result<Option<Found>, Error> {
        let reading = || format!("read {label}");
        let own = file.try_clone().context(reading)?;
        // The digest may be that of the archive; then the image's need not be. What has
        // it is the copy that is unpacked: the file itself may change in between.
        let (own, of_file) = if is_plain && self.options.digest.is_none() {
            (own, None)
        } else {
            let mut hashing = Hashing::new(Blob::whole(own).context(reading)?);
            let copy = if is_plain {
                self.spool(&mut hashing)?
            } else {
                self.spool(&mut decompress(&mut hashing)?)?
            };
            io::copy(&mut hashing, &mut io::sink()).context(reading)?;
            (copy, Some(hashing.digest()))
        };
        let place = Place::Archive(Members::list(own, self.options.limits)?);
        if !place.is_image() {
            return Ok(None);
        }
        let reference = self.options.image.as_deref();
        let found = self.image_of(&place, reference, of_file, tree)?;
        Ok(Some(Found {
            label: label.to_owned(),
            ..found
        }))
    }

    /// One of the images in a place.
    pub(crate) fn image(
        &self,
        place: &Place,
        reference: Option<&str>,
        label: String,
        tree: &mut Tree,
    ) -> Result<Found, Error> {
        let found = self.image_of(place, reference, None, tree)?;
        Ok(Found { label, ..found })
    }

    fn image_of(
        &self,
        place: &Place,
        reference: Option<&str>,
        of_file: Option<String>,
        tree: &mut Tree,
    ) -> Result<Found, Error> {
        let wanted = Wanted {
            reference,
            any_architecture: self.options.any_architecture,
        };
        let image = image::find(place, wanted)?;
        let digests = [Some(image.digest.as_str()), of_file.as_deref()];
        let digests: Vec<&str> = digests.into_iter().flatten().collect();
        self.check_digests(&digests)?;
        if let Some(size) = image.stored_size() {
            self.reporter.expect(size);
        }
        image::unpack_layers(place, &image, tree, self.reporter)?;
        Ok(Found {
            digest: Some(image.digest),
            image: Some(image.config),
            ..Found::default()
        })
    }

    fn squashfs(&self, file: &File, label: String, tree: &mut Tree) -> Result<Found, Error> {
        self.expect_no_image()?;
        let reading = || format!("read {label}");
        let blob = Blob::whole(file.try_clone().context(reading)?).context(reading)?;
        let mut hashing = Hashing::new(blob);
        let copy = self.spool(&mut hashing)?;
        let digest = hashing.digest();
        self.check_digests(&[&digest])?;
        squashfs::unpack(self, &copy, tree)?;
        Ok(Found {
            label,
            digest: Some(digest),
            ..Found::default()
        })
    }

    /// Refuses a split image of another machine, by its metadata.
    pub(crate) fn check_metadata(&self, path: &Path) -> Result<(), Error> {
        let reading = || format!("read {}", path.display());
        let blob = Blob::whole(open_file(path)?).context(reading)?;
        let text = lxc::read_metadata(decompress(blob)?, self.options.limits)?;
        if self.options.any_architecture {
            return Ok(());
        }
        lxc::check(&text)
    }

    /// Finds the root in what was unpacked, and drops what is no part of a system.
    fn settle(&self) -> Result<(), Error> {
        let top = self.stage.root()?;
        if let Some(directory) = top::find(top.as_fd(), self.options.any_architecture)? {
            self.stage.lift(&directory)?;
        }
        let root = self.stage.root()?;
        vzdump::drop_config(root.as_fd()).context(|| "remove etc/vzdump from the template")?;
        Ok(())
    }

    /// Copies a stream into a file without a name, within the limits.
    ///
    /// # Kernel
    /// open(2), `O_TMPFILE`: the file goes with its last descriptor, whatever
    /// happens to this process.
    pub(crate) fn spool(&self, source: &mut dyn Read) -> Result<File, Error> {
        let writing = || "copy archive";
        let flags = OFlags::RDWR | OFlags::TMPFILE | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        fault::point("copy archive").context(writing)?;
        let fd = openat(self.stage.store(), c".", flags, mode).context(writing)?;
        let mut copy = File::from(fd);
        // An archive is larger than what is in it, by a header for each entry.
        let limits = self.options.limits;
        let most = limits
            .size
            .saturating_add(limits.entries.saturating_mul(1024));
        let mut buffer = vec![0; BUFFER];
        let mut written = 0_u64;
        loop {
            let length = source.read(&mut buffer).context(writing)?;
            let bytes = buffer.get(..length).unwrap_or_default();
            if bytes.is_empty() {
                return Ok(copy);
            }
            written = written.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
            if written > most {
                let refusal = Refusal::TooLarge(limits.size);
                return Err(EntryPath::default().refused(refusal));
            }
            copy.write_all(bytes).context(writing)?;
            self.reporter.tick()?;
        }
    }
}

/// A stream whose start was looked at. An error that this met comes in its place.
struct Peeked<R> {
    start: Cursor<Vec<u8>>,
    failed: Option<io::Error>,
    rest: R,
}

impl<R: BufRead> Peeked<R> {
    fn new(mut rest: R) -> Self {
        let mut start = Vec::new();
        let mut limited = (&mut rest).take(START);
        let failed = limited.read_to_end(&mut start).err();
        Self {
            start: Cursor::new(start),
            failed,
            rest,
        }
    }

    fn is_past_start(&self) -> bool {
        let length = u64::try_from(self.start.get_ref().len());
        self.start.position() >= length.unwrap_or(u64::MAX)
    }
}

impl<R: BufRead> Read for Peeked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut there = self.fill_buf()?;
        let length = there.read(buffer)?;
        self.consume(length);
        Ok(length)
    }
}

impl<R: BufRead> BufRead for Peeked<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if !self.is_past_start() {
            return self.start.fill_buf();
        }
        match self.failed.take() {
            Some(failed) => Err(failed),
            None => self.rest.fill_buf(),
        }
    }

    fn consume(&mut self, bytes: usize) {
        if self.is_past_start() {
            self.rest.consume(bytes);
        } else {
            self.start.consume(bytes);
        }
    }
}

/// Whether an archive, compressed or not, may be one of images. What cannot be read
/// is for the unpacker to say.
fn may_hold_image(blob: Blob) -> bool {
    let Ok(archive) = decompress(blob) else {
        return false;
    };
    let mut start = Vec::new();
    let _ = archive.take(START).read_to_end(&mut start);
    looks_like_image(&start)
}

/// Whether the first name in an archive that is not the top itself is one that an
/// archive of images begins with. Only such are listed before they are unpacked.
fn looks_like_image(start: &[u8]) -> bool {
    let mut at = 0_usize;
    while let Some(block) = start.get(at..).and_then(<[u8]>::first_chunk::<512>) {
        let mut header = tar::Header::new_old();
        header.as_mut_bytes().copy_from_slice(block);
        let name = header.path_bytes();
        let extension = matches!(header.as_old().linkflag, [b'x' | b'g' | b'L' | b'K']);
        let path = EntryPath::parse(&name).unwrap_or_default();
        if !extension && !path.is_root() {
            let first = path.as_bytes().split(|&byte| byte == b'/').next();
            return first.is_some_and(is_name_of_image);
        }
        let size = header.entry_size().unwrap_or(u64::MAX);
        let Some(length) = usize::try_from(size).ok().filter(|&size| size < 1 << 20) else {
            return false;
        };
        at = at
            .saturating_add(512)
            .saturating_add(length.next_multiple_of(512));
    }
    false
}

fn is_name_of_image(name: &[u8]) -> bool {
    const NAMES: [&[u8]; 5] = [
        b"blobs",
        b"index.json",
        b"manifest.json",
        b"oci-layout",
        b"repositories",
    ];
    let hex = name.split(|&byte| byte == b'.').next().unwrap_or_default();
    NAMES.contains(&name) || (hex.len() == 64 && hex.iter().all(u8::is_ascii_hexdigit))
}
