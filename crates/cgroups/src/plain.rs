//! A group of plain files in a directory that goes away: what the unit tests
//! write their limits to.

use crate::hierarchy::{Hierarchy, Place, Version};

pub(crate) struct Plain {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) place: Place,
}

impl Plain {
    pub(crate) fn new(version: Version, files: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let place = Place {
            version,
            dir: dir.path().to_owned(),
        };
        let plain = Self { dir, place };
        for (name, content) in files {
            plain.put(name, content);
        }
        plain
    }

    /// Puts a file, and the directories above it.
    #[expect(
        clippy::disallowed_methods,
        reason = "a plain file, which a kernel file's writer would not make"
    )]
    pub(crate) fn put(&self, name: &str, content: &str) {
        let path = self.dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    pub(crate) fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.dir.path().join(name)).unwrap()
    }

    /// The directory seen as the mount point of a hierarchy.
    pub(crate) fn hierarchy(&self, controllers: &[&str]) -> Hierarchy {
        Hierarchy {
            version: self.place.version,
            mount: self.dir.path().to_owned(),
            controllers: controllers.iter().map(|name| (*name).to_owned()).collect(),
            name: None,
        }
    }
}
