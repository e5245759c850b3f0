//! A store of its own for each test, archives made block by block, and a look at
//! a tree that leaves nothing out.
#![allow(
    dead_code,
    clippy::print_stdout,
    reason = "each test file uses its part; a skip says why"
)]

pub(crate) mod layout;

use std::collections::BTreeMap;
use std::io::Cursor;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use tar::{EntryType, Header};
pub(crate) use veld_sys::chain;
use veld_templates::{Error, ImportOptions, Limits, Manifest, Source, Store};

/// A store in a directory that goes away.
pub(crate) struct Host {
    dir: tempfile::TempDir,
}

impl Host {
    pub(crate) fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.dir.path().join("templates")
    }

    pub(crate) fn scratch(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn store(&self) -> Store {
        Store::new(&self.path()).with_patience(std::time::Duration::from_millis(50))
    }

    pub(crate) fn import(&self, archive: &[u8], name: &str) -> Result<Manifest, Error> {
        self.import_with(archive, name, &ImportOptions::default())
    }

    pub(crate) fn import_with(
        &self,
        archive: &[u8],
        name: &str,
        options: &ImportOptions,
    ) -> Result<Manifest, Error> {
        let mut stream = Cursor::new(archive);
        let source = Source::Stream(&mut stream, "test");
        self.store()
            .import(source, name, options, &mut |_| ControlFlow::Continue(()))
    }

    pub(crate) fn import_path(&self, path: &Path, name: &str) -> Result<Manifest, Error> {
        let options = ImportOptions::default();
        let source = Source::at(path);
        self.store()
            .import(source, name, &options, &mut |_| ControlFlow::Continue(()))
    }

    pub(crate) fn root(&self, name: &str) -> PathBuf {
        self.path().join(name).join("root")
    }

    /// The whole error line of an import that is refused, after which nothing of
    /// it may be left.
    pub(crate) fn refused(&self, archive: &[u8]) -> String {
        let error = self.import(archive, "refused").unwrap_err();
        assert_eq!(self.names(), Vec::<String>::new(), "{error}");
        chain(&error)
    }

    /// Everything in the store's directory, dot files too.
    pub(crate) fn names(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.path()) else {
            return Vec::new();
        };
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

pub(crate) fn small(size: u64, entries: u64) -> ImportOptions {
    ImportOptions {
        limits: Limits { size, entries },
        ..ImportOptions::default()
    }
}

/// An archive in the making: any bytes can go into any field.
#[derive(Default, Clone)]
pub(crate) struct Archive(pub(crate) Vec<u8>);

impl Archive {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn entry(self, kind: u8, name: &[u8], link: &[u8], data: &[u8]) -> Self {
        self.with(kind, name, link, data, |_| {})
    }

    #[expect(clippy::too_many_arguments, reason = "a header has as many fields")]
    pub(crate) fn with(
        mut self,
        kind: u8,
        name: &[u8],
        link: &[u8],
        data: &[u8],
        change: impl FnOnce(&mut Header),
    ) -> Self {
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::new(kind));
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(1_000_000);
        header.set_size(data.len() as u64);
        let fields = header.as_old_mut();
        fields.name[..name.len()].copy_from_slice(name);
        fields.linkname[..link.len()].copy_from_slice(link);
        change(&mut header);
        header.set_cksum();
        self.0.extend_from_slice(header.as_bytes());
        self.data(data)
    }

    /// A pax header for the next entry; lengths are computed, values are any bytes.
    pub(crate) fn pax(self, records: &[(&str, &[u8])]) -> Self {
        let mut text = Vec::new();
        for (key, value) in records {
            let rest = key.len() + value.len() + 3;
            let mut length = rest + 1;
            while length != rest + length.to_string().len() {
                length = rest + length.to_string().len();
            }
            text.extend_from_slice(format!("{length} {key}=").as_bytes());
            text.extend_from_slice(value);
            text.push(b'\n');
        }
        self.entry(b'x', b"pax", b"", &text)
    }

    pub(crate) fn file(self, name: &str, data: &[u8]) -> Self {
        self.entry(b'0', name.as_bytes(), b"", data)
    }

    pub(crate) fn directory(self, name: &str) -> Self {
        self.with(b'5', name.as_bytes(), b"", b"", |header| {
            header.set_mode(0o755);
        })
    }

    pub(crate) fn symlink(self, name: &str, target: &str) -> Self {
        self.entry(b'2', name.as_bytes(), target.as_bytes(), b"")
    }

    pub(crate) fn hard_link(self, name: &str, target: &str) -> Self {
        self.entry(b'1', name.as_bytes(), target.as_bytes(), b"")
    }

    pub(crate) fn data(mut self, data: &[u8]) -> Self {
        self.0.extend_from_slice(data);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    pub(crate) fn end(mut self) -> Vec<u8> {
        self.0.extend_from_slice(&[0; 1024]);
        self.0
    }
}

/// Whether the tests that change owners can run.
pub(crate) fn is_root() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        println!("skipped: only root may give files to others");
    }
    root
}

/// Everything that can be seen of each inode of a tree but the time of access and
/// of change, and its number.
pub(crate) fn look(root: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut names = BTreeMap::new();
    look_at(root, root, &mut names, &mut found);
    found
}

/// The paths in a tree, but for its root.
pub(crate) fn names(root: &Path) -> Vec<String> {
    look(root)
        .into_keys()
        .filter(|name| !name.is_empty())
        .collect()
}

fn look_at(
    root: &Path,
    path: &Path,
    names: &mut BTreeMap<u64, String>,
    found: &mut BTreeMap<String, String>,
) {
    use std::fmt::Write as _;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::MetadataExt;
    let meta = std::fs::symlink_metadata(path).unwrap();
    let inside = path.strip_prefix(root).unwrap();
    let name = inside.as_os_str().as_bytes().escape_ascii().to_string();
    let mut text = format!(
        "mode {:o} owner {}:{} mtime {}.{:09}",
        meta.mode(),
        meta.uid(),
        meta.gid(),
        meta.mtime(),
        meta.mtime_nsec()
    );
    if !meta.is_dir() {
        let first = names.entry(meta.ino()).or_insert_with(|| name.clone());
        write!(text, " links {} first {first}", meta.nlink()).unwrap();
    }
    if meta.is_symlink() {
        write!(text, " to {:?}", std::fs::read_link(path).unwrap()).unwrap();
    }
    if meta.is_file() {
        let data = std::fs::read(path).unwrap();
        let sum = data.iter().fold(0_u64, |sum, &byte| {
            sum.wrapping_mul(31).wrapping_add(byte.into())
        });
        write!(
            text,
            " size {} sum {sum} data {:?}",
            meta.len(),
            extents(path)
        )
        .unwrap();
    }
    let mut buffer = vec![0; 65536];
    let length = rustix::fs::llistxattr(path, buffer.as_mut_slice()).unwrap();
    let mut xattrs: Vec<Vec<u8>> = buffer[..length]
        .split(|&byte| byte == 0)
        .map(<[u8]>::to_vec)
        .filter(|name| !name.is_empty())
        .collect();
    xattrs.sort();
    for xattr in xattrs {
        let length = rustix::fs::lgetxattr(path, xattr.as_slice(), buffer.as_mut_slice()).unwrap();
        let value = buffer[..length].escape_ascii();
        write!(text, " {}={value}", xattr.escape_ascii()).unwrap();
    }
    found.insert(name, text);
    if meta.is_dir() {
        for entry in std::fs::read_dir(path).unwrap() {
            look_at(root, &entry.unwrap().path(), names, found);
        }
    }
}

/// Where a file has data and where holes.
pub(crate) fn extents(path: &Path) -> Vec<(u64, u64)> {
    use rustix::fs::{SeekFrom, seek};
    let file = std::fs::File::open(path).unwrap();
    let mut found = Vec::new();
    let mut at = 0;
    while let Ok(start) = seek(&file, SeekFrom::Data(at)) {
        at = seek(&file, SeekFrom::Hole(start)).unwrap();
        found.push((start, at));
    }
    found
}
