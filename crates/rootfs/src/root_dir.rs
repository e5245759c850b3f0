//! Look-ups below a directory that somebody else controls.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, mkdirat, openat, openat2};
use veld_sys::{Context, Failure, fault};

/// The root of a foreign tree: every path is resolved as if this were `/`.
///
/// Symbolic links inside lead to places inside, magic links nowhere. This is
/// the only way in which a process with the host's privileges may name a file
/// of a VE.
#[derive(Debug)]
pub struct RootDir {
    dir: OwnedFd,
}

const RESOLVE: ResolveFlags = ResolveFlags::IN_ROOT.union(ResolveFlags::NO_MAGICLINKS);

impl RootDir {
    /// The tree at a path of the host's.
    ///
    /// # Errors
    /// Names the path.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir = openat(CWD, path, flags, Mode::empty())
            .context(|| format!("open {}", path.display()))?;
        Ok(Self { dir })
    }

    /// The tree whose root is open already.
    #[must_use]
    pub fn from_fd(dir: OwnedFd) -> Self {
        Self { dir }
    }

    /// Opens `path`, its symbolic links resolved inside.
    ///
    /// # Errors
    /// Those of openat2(2).
    ///
    /// # Kernel
    /// openat2(2) with `RESOLVE_IN_ROOT`: Linux 5.6.
    pub fn open_file(&self, path: &str, flags: OFlags, mode: Mode) -> io::Result<OwnedFd> {
        if flags.contains(OFlags::CREATE) {
            fault::point("create file in a root")?;
        }
        let flags = flags | OFlags::CLOEXEC;
        Ok(openat2(&self.dir, path, flags, mode, RESOLVE)?)
    }

    /// What is in a plain file of the tree's own file system, of which no more than so
    /// many bytes are read: nothing that is mounted in the tree is looked at, and nothing
    /// waited for.
    ///
    /// # Errors
    /// EXDEV where another file system is on the way; `InvalidInput` of what is no file;
    /// others of openat2(2).
    ///
    /// # Kernel
    /// openat2(2) with `RESOLVE_NO_XDEV`: Linux 5.6.
    pub fn read_here(&self, path: &str, most: u64) -> io::Result<Vec<u8>> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let here = RESOLVE | ResolveFlags::NO_XDEV;
        let file = File::from(openat2(&self.dir, path, flags, Mode::empty(), here)?);
        if !file.metadata()?.is_file() {
            return Err(io::Error::from(io::ErrorKind::InvalidInput));
        }
        let mut bytes = Vec::new();
        file.take(most).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// The directory at an absolute path of the tree, made where it is missing with
    /// all above it; links on the way lead to places inside.
    ///
    /// # Errors
    /// ENOTDIR where something else is on the way.
    pub fn make_dirs(&self, path: &Path, mode: Mode) -> io::Result<OwnedFd> {
        let flags = OFlags::PATH | OFlags::DIRECTORY;
        let mut above = self.open_file(".", flags, Mode::empty())?;
        let mut reached = PathBuf::from("/");
        for name in path.components().filter_map(|part| match part {
            Component::Normal(name) => Some(name),
            Component::Prefix(_)
            | Component::RootDir
            | Component::CurDir
            | Component::ParentDir => None,
        }) {
            reached.push(name);
            let text = reached.to_str().ok_or(rustix::io::Errno::ILSEQ)?;
            above = match self.open_file(text, flags, Mode::empty()) {
                Err(missing) if missing.kind() == io::ErrorKind::NotFound => {
                    fault::point("make directory in a root")?;
                    mkdirat(&above, name, mode)?;
                    self.open_file(text, flags, Mode::empty())?
                }
                opened => opened?,
            };
        }
        Ok(above)
    }

    /// The directory `name` right below the root, made where it is missing. A
    /// symbolic link in its place is refused.
    ///
    /// # Errors
    /// ENOTDIR where something else has the name.
    pub fn ensure_dir(&self, name: &str, mode: Mode) -> Result<OwnedFd, Failure> {
        let open = || {
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            openat(&self.dir, name, flags, Mode::empty())
        };
        let opened = match open() {
            Err(rustix::io::Errno::NOENT) => fault::point("make directory in a root")
                .and_then(|()| Ok(mkdirat(&self.dir, name, mode)?))
                .and_then(|()| Ok(open()?)),
            result => result.map_err(io::Error::from),
        };
        opened.context(|| format!("use directory /{name} of the root file system"))
    }
}

impl AsFd for RootDir {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.dir.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn tree() -> (tempfile::TempDir, RootDir) {
        let dir = tempfile::tempdir().unwrap();
        let root = RootDir::open(dir.path()).unwrap();
        (dir, root)
    }

    fn leads_somewhere(root: &RootDir, path: &str) -> bool {
        root.open_file(path, OFlags::PATH, Mode::empty()).is_ok()
    }

    #[test]
    fn a_link_out_of_the_tree_leads_back_into_it() {
        let (dir, root) = tree();
        std::fs::create_dir(dir.path().join("etc")).unwrap();
        symlink("../../../etc", dir.path().join("up")).unwrap();
        symlink("/etc/passwd", dir.path().join("abs")).unwrap();
        assert!(
            !leads_somewhere(&root, "abs"),
            "the host has /etc/passwd, the tree has not"
        );
        std::fs::File::create(dir.path().join("etc/passwd")).unwrap();
        assert!(leads_somewhere(&root, "abs"));
        assert!(leads_somewhere(&root, "up/passwd"));
    }

    #[test]
    fn a_magic_link_leads_nowhere() {
        let root = RootDir::open(Path::new("/")).unwrap();
        let error = root
            .open_file("proc/self/root/etc", OFlags::PATH, Mode::empty())
            .unwrap_err();
        assert_eq!(
            error.raw_os_error(),
            Some(rustix::io::Errno::LOOP.raw_os_error())
        );
    }

    #[test]
    fn a_missing_directory_is_made_and_a_link_in_its_place_refused() {
        let (dir, root) = tree();
        root.ensure_dir("proc", Mode::from_raw_mode(0o555)).unwrap();
        root.ensure_dir("proc", Mode::from_raw_mode(0o555)).unwrap();
        symlink("/tmp", dir.path().join("dev")).unwrap();
        let error = root
            .ensure_dir("dev", Mode::from_raw_mode(0o755))
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot use directory /dev of the root file system"
        );
        assert_eq!(error.kind(), io::ErrorKind::NotADirectory);
    }
}
