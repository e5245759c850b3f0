//! Which init a root directory boots with, found by looking and not by running.

use std::os::fd::BorrowedFd;

use serde::{Deserialize, Deserializer, Serializer};
use veld_protocol::kind::{Kind, Look, PLACES};

use crate::elf;
use crate::root;

/// A root directory that an image filled.
struct Image<'a>(BorrowedFd<'a>);

impl Look for Image<'_> {
    fn file_name(&self, path: &str) -> Option<Vec<u8>> {
        let path = inside(path);
        root::open_file(self.0, path).ok()?;
        let target = root::final_path(self.0, path).ok()?;
        let name = target.rsplit(|&byte| byte == b'/').next()?;
        Some(name.to_vec())
    }

    fn start(&self, path: &str, limit: u64) -> Option<Vec<u8>> {
        root::read_start(self.0, inside(path), limit).ok()
    }
}

/// The kind of init that the root boots with, links resolved inside it.
pub(crate) fn detect(root: BorrowedFd<'_>) -> Kind {
    Kind::detect(&Image(root))
}

/// The machine that the root's init, or else its shell, is built for, as uname(1)
/// names it.
#[must_use]
pub fn architecture(root: BorrowedFd<'_>) -> Option<&'static str> {
    let mut programs = PLACES.into_iter().chain(["/bin/sh", "/usr/bin/env"]);
    programs.find_map(|path| elf::architecture(&root::read_start(root, inside(path), 64).ok()?))
}

fn inside(path: &str) -> &str {
    path.trim_start_matches('/')
}

/// The kind in a manifest, by its word.
pub(crate) fn serialize<S: Serializer>(kind: &Kind, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(kind.as_str())
}

/// A kind that a later version knows is an unknown one to this.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Kind, D::Error> {
    let word = String::deserialize(deserializer)?;
    Ok(word.parse().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::fd::AsFd;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use super::*;

    /// A root with a program and with links (path, target).
    fn root(program: &str, links: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let make_parent = |path: &Path| std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let program = root.path().join(program);
        make_parent(&program);
        File::create(program).unwrap();
        for (path, target) in links {
            let path = root.path().join(path);
            make_parent(&path);
            symlink(target, path).unwrap();
        }
        root
    }

    fn kind(program: &str, links: &[(&str, &str)]) -> Kind {
        detect(File::open(root(program, links).path()).unwrap().as_fd())
    }

    #[test]
    fn links_are_those_of_the_root() {
        // Merged /usr: absolute links are ones of the root, through other links.
        let links = [
            ("usr/sbin/init", "/lib/systemd/systemd"),
            ("lib", "usr/lib"),
            ("sbin", "usr/sbin"),
        ];
        assert_eq!(kind("usr/lib/systemd/systemd", &links), Kind::Systemd);
        assert_eq!(kind("bin/sh", &[("sbin/init", "/nowhere")]), Kind::None);
        assert_eq!(kind("bin/sh", &[("sbin/init", "init")]), Kind::None);
    }

    #[test]
    fn a_link_out_of_the_root_finds_nothing_of_the_host() {
        let links = [
            ("sbin/init", "../../../../../../../bin/sh"),
            ("bin/sh", "/proc/self/exe"),
        ];
        let root = root("etc/issue", &links);
        let open = File::open(root.path()).unwrap();
        assert_eq!(detect(open.as_fd()), Kind::None);
        assert_eq!(architecture(open.as_fd()), None);
    }
}
