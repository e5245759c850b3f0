//! Paths of a layer that lead through symbolic links of the tree, as `lib/x` does where a
//! lower layer has `lib -> usr/lib`.
//!
//! Such a path is turned into one without links, and that is the one which is made, noted
//! and taken away: the links are read here, name by name, as a process with this root
//! would follow them. So `..` at the root stays there and `/` is the root. Whatever comes
//! out is looked up as every other path is, through no link and below the root alone: an
//! error of this file could confuse names in a tree, and lead nowhere else.

use std::collections::VecDeque;
use std::os::fd::AsFd;

use rustix::fs::{AtFlags, FileType, readlinkat, statat};
use rustix::io::Errno;

use super::{Tree, open_below};
use crate::error::Error;
use crate::limits::{MAX_LINKS, MAX_NAMES};
use crate::path::{EntryPath, components};
use crate::refusal::Refusal;

impl Tree {
    /// The path of the same entry without links on the way to it. The entry itself may
    /// be a link.
    ///
    /// # Errors
    /// [`Refusal::TooManyLinks`], [`Refusal::TooManyNames`], and those of the path that
    /// comes out.
    pub(crate) fn through_links(&mut self, path: EntryPath) -> Result<EntryPath, Error> {
        let Some((parent, name)) = path.split() else {
            return Ok(path);
        };
        // Most paths have none, and are looked up once more from what is open now.
        match self.descend(parent, false) {
            Err(Errno::LOOP) => {}
            _ => return Ok(path),
        }
        let directory = self.follow(&path, parent)?;
        directory.join(name).map_err(|why| path.refused(why))
    }

    /// The same for a directory, which may be a link to one.
    ///
    /// # Errors
    /// Those of [`Tree::through_links`].
    pub(crate) fn directory_through_links(&mut self, path: EntryPath) -> Result<EntryPath, Error> {
        self.follow(&path, path.as_bytes())
    }

    /// Where `directory` leads to. What is not there, or is no directory, is followed no
    /// further, and its name taken as it is.
    ///
    /// # Kernel
    /// path_resolution(7), symlink(7); openat2(2), `RESOLVE_IN_ROOT`, which gives the same
    /// for what is there.
    fn follow(&mut self, entry: &EntryPath, directory: &[u8]) -> Result<EntryPath, Error> {
        let too_many = || entry.refused(Refusal::TooManyLinks(MAX_LINKS));
        let mut ahead: VecDeque<Vec<u8>> = components(directory).map(<[u8]>::to_vec).collect();
        let mut found = EntryPath::default();
        let (mut links, mut names) = (0, 0);
        while let Some(name) = ahead.pop_front() {
            names += 1;
            if names > MAX_NAMES {
                return Err(entry.refused(Refusal::TooManyNames(MAX_NAMES)));
            }
            match name.as_slice() {
                b"." => continue,
                b".." => {
                    found = found.parent().unwrap_or_default();
                    continue;
                }
                _ => {}
            }
            self.budget.followed(entry)?;
            if let Some(target) = self.link(&found, &name).map_err(|e| entry.failed(e))? {
                links += 1;
                if links > MAX_LINKS {
                    return Err(too_many());
                }
                if target.first() == Some(&b'/') {
                    found = EntryPath::default();
                }
                for part in components(&target).collect::<Vec<_>>().into_iter().rev() {
                    ahead.push_front(part.to_vec());
                }
            } else {
                found = found.join(&name).map_err(|why| entry.refused(why))?;
            }
        }
        Ok(found)
    }

    /// The target of the link of this name; none where it is something else or nothing.
    fn link(&self, directory: &EntryPath, name: &[u8]) -> Result<Option<Vec<u8>>, Errno> {
        let above = match open_below(self.root.as_fd(), directory.as_bytes()) {
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(None),
            other => other?,
        };
        match statat(&above, name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => Ok(None),
            Ok(stat) if FileType::from_raw_mode(stat.st_mode).is_symlink() => {
                let target = readlinkat(&above, name, Vec::new())?;
                Ok(Some(target.into_bytes()))
            }
            other => other.map(|_| None),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::limits::Limits;

    /// A tree with these links, and directories `usr/lib` and `deep/er`.
    fn tree(links: &[(&str, &str)]) -> (tempfile::TempDir, Tree) {
        let dir = tempfile::tempdir().unwrap();
        for made in ["usr/lib", "deep/er"] {
            std::fs::create_dir_all(dir.path().join(made)).unwrap();
        }
        for (name, target) in links {
            symlink(target, dir.path().join(name)).unwrap();
        }
        let root = std::fs::File::open(dir.path()).unwrap();
        let tree = Tree::new(root.into(), Limits::default());
        (dir, tree)
    }

    fn path(text: &str) -> EntryPath {
        EntryPath::parse(text.as_bytes()).unwrap()
    }

    const LINKS: [(&str, &str); 9] = [
        ("lib", "usr/lib"),
        ("abs", "/usr/lib"),
        ("root", "/"),
        ("up", "../../../.."),
        ("deep/er/back", "../../lib/.././lib"),
        ("chain", "abs"),
        ("here", "."),
        ("out", "/../../usr"),
        ("deep/root", "up/../lib"),
    ];

    #[test]
    fn it_is_where_the_kernel_finds_it() {
        let (_dir, mut tree) = tree(&LINKS);
        for text in [
            "lib",
            "abs",
            "root",
            "up",
            "deep/er/back",
            "chain",
            "here",
            "out",
            "root/up/root/here/chain",
            "up/up/out/lib",
            "usr/lib",
        ] {
            let kernel = crate::root::final_path(tree.root.as_fd(), text).unwrap();
            let kernel = EntryPath::parse(kernel.strip_prefix(b"/").unwrap_or(&kernel)).unwrap();
            let ours = tree.directory_through_links(path(text)).unwrap();
            assert_eq!(ours, kernel, "{text}");
            let entry = tree.through_links(path(&format!("{text}/x"))).unwrap();
            assert_eq!(entry, kernel.join(b"x").unwrap(), "{text}/x");
        }
    }

    #[test]
    fn what_is_not_there_is_named_by_where_it_would_be() {
        let (_dir, mut tree) =
            tree(&[("to", "new/er"), ("far", "/../srv/data"), ("gone", "to/..")]);
        for (text, is) in [
            ("to/x", "new/er/x"),
            ("far/a/x", "srv/data/a/x"),
            ("gone/x", "new/x"),
            ("none/x", "none/x"),
        ] {
            assert_eq!(tree.through_links(path(text)).unwrap(), path(is), "{text}");
        }
        // The last name is not followed.
        assert_eq!(tree.through_links(path("to")).unwrap(), path("to"));
    }

    #[test]
    fn loops_and_floods_of_links_end() {
        let long = format!("{}usr", "./".repeat(2000));
        let (dir, mut tree) = tree(&[("a", "b"), ("b", "a"), ("me", "me/me"), ("long", &long)]);
        for n in 0..60 {
            symlink(format!("l{}", n + 1), dir.path().join(format!("l{n}"))).unwrap();
        }
        let many = "goes through more than 40 symbolic links";
        for text in ["a/x", "me/x", "l0/x"] {
            let error = tree.through_links(path(text)).unwrap_err().to_string();
            assert_eq!(error, format!("entry {text} {many}"));
        }
        assert_eq!(tree.through_links(path("l25/x")).unwrap(), path("l60/x"));
        assert_eq!(tree.through_links(path("long/x")).unwrap(), path("usr/x"));
        let deep = format!("{}x", "d/".repeat(254));
        symlink("/p/p", dir.path().join("q")).unwrap();
        let error = tree.through_links(path(&format!("q/{deep}"))).unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("is nested deeper than 256 directories"),
            "{error}"
        );
    }
}
