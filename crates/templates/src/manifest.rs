//! What is written down of a template beside its tree.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use veld_durable::Life;
use veld_protocol::kind::Kind;
use veld_sys::{Context, Failure};

use crate::error::Error;
use crate::image::ImageConfig;
use crate::init_kind;
use crate::os_release::OsRelease;
use crate::tree::Tree;

pub(crate) const FILE: &str = "manifest.toml";
const MAX_FILE: u64 = 8 * 1024 * 1024;

/// What is known of a template.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Its name: that of its directory, whatever the file says.
    pub name: String,
    /// Twelve hexadecimal digits, drawn when it was made: what a VE stands on is
    /// found again by it. A template of before has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The id of what had the name before, if that was replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<String>,
    /// Where it came from, for people.
    pub source: String,
    /// When it was made, seconds since 1970.
    pub created: u64,
    /// `sha256:` and the digest of the archive as it was read, compressed if it
    /// was; absent for a template made of a directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Bytes of file data, holes included, hard links once.
    #[serde(default)]
    pub size: u64,
    /// Entries of the source, directories that it took for granted included.
    #[serde(default)]
    pub entries: u64,
    /// Device nodes and sockets that were left out.
    #[serde(default)]
    pub skipped_devices: u64,
    /// Extended attributes that were left out: those that would belong to the host.
    #[serde(default)]
    pub skipped_xattrs: u64,
    /// The machine its programs are for, as uname(1) names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// The init it boots with.
    #[serde(default, with = "init_kind")]
    pub init: Kind,
    /// What the distribution says of itself.
    #[serde(default)]
    pub os: OsRelease,
    /// Where an update of it is to be asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// What the image of an application says of its program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageConfig>,
}

/// What a template was pulled from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The remote by its name in the host's config, where it was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote: Option<String>,
    /// What was asked for there.
    pub reference: String,
    /// What that was when it was pulled: `sha256:` and the digest.
    pub digest: String,
    /// How many bytes of file data it and its updates may have, where that was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_size_bytes: Option<u64>,
}

impl Manifest {
    /// Looks at a tree that was just unpacked.
    pub(crate) fn of(name: &str, source: String, tree: &Tree, root: BorrowedFd<'_>) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            name: name.to_owned(),
            id: None,
            replaces: None,
            origin: None,
            image: None,
            source,
            created: now.map_or(0, |since| since.as_secs()),
            digest: None,
            size: tree.budget.size,
            entries: tree.budget.entries,
            skipped_devices: tree.skipped_devices,
            skipped_xattrs: tree.skipped_xattrs,
            architecture: init_kind::architecture(root).map(str::to_owned),
            init: init_kind::detect(root),
            os: OsRelease::read(root),
        }
    }

    /// Draws an id.
    ///
    /// # Kernel
    /// random(4).
    pub(crate) fn draw_id(&mut self) -> Result<(), Failure> {
        let mut bytes = [0; 6];
        File::open("/dev/urandom")
            .and_then(|mut file| file.read_exact(&mut bytes))
            .context(|| "read /dev/urandom")?;
        self.id = Some(bytes.iter().map(|byte| format!("{byte:02x}")).collect());
        Ok(())
    }

    pub(crate) fn write(&self, directory: &Path) -> Result<(), Failure> {
        let path = directory.join(FILE);
        let text = toml::to_string(self)
            .map_err(io::Error::other)
            .context(|| format!("write {}", path.display()))?;
        veld_durable::replace(&path, text.as_bytes(), Life::Durable)
    }

    /// Reads the manifest of the template `name` in its directory.
    pub(crate) fn read(directory: &Path, name: &str) -> Result<Self, Error> {
        let damaged = |flaw: String| Error::Damaged {
            name: name.to_owned(),
            flaw,
        };
        let path = directory.join(FILE);
        let mut text = String::new();
        let read = File::open(&path)
            .and_then(|file| file.take(MAX_FILE).read_to_string(&mut text))
            .context(|| format!("read {}", path.display()));
        match read {
            Ok(_) => {}
            Err(failure) if failure.kind() == io::ErrorKind::NotFound => {
                return Err(damaged(format!("it has no {FILE}")));
            }
            Err(failure) => return Err(failure.into()),
        }
        let manifest: Self = toml::from_str(&text)
            .map_err(|error| damaged(format!("{FILE}: {}", error.message())))?;
        Ok(Self {
            name: name.to_owned(),
            ..manifest
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let written = Manifest {
            name: "debian".to_owned(),
            source: "debian.tar.zst".to_owned(),
            created: 1_700_000_000,
            digest: Some("sha256:00".to_owned()),
            init: Kind::Systemd,
            os: OsRelease::parse(b"ID=debian\nPRETTY_NAME=\"A \\\"b\\\"\""),
            ..Manifest::default()
        };
        written.write(dir.path()).unwrap();
        let read = Manifest::read(dir.path(), "debian").unwrap();
        assert_eq!(read, written);
    }

    #[test]
    fn a_damaged_file_is_told_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let error = Manifest::read(dir.path(), "debian").unwrap_err();
        assert_eq!(
            error.to_string(),
            "template debian is damaged: it has no manifest.toml"
        );
        veld_durable::replace(&dir.path().join(FILE), b"name = 1", Life::Volatile).unwrap();
        let error = Manifest::read(dir.path(), "debian")
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("template debian is damaged: manifest.toml: invalid type"),
            "{error}"
        );
    }
}
