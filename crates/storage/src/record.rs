//! What is written down of a snapshot beside its files: `snapshot.toml`.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use serde::{Deserialize, Serialize};
use veld_durable::Life;
use veld_sys::{Context, Failure};

/// The file in the directory of a snapshot.
pub(crate) const FILE: &str = "snapshot.toml";
/// No record is longer.
const MAX_FILE: u64 = 64 * 1024;

/// What is known of a snapshot. Times are seconds since 1970.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// What it is called, as no other of the same VE.
    pub name: String,
    /// The snapshots of a VE in the order in which they were made, whatever the
    /// clock said.
    pub number: u64,
    /// When it was made.
    pub created: u64,
    /// The directory name of the one that it goes on from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// What a person said of it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// When it goes by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<u64>,
    /// The periods that it was made for by a schedule.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub schedules: Vec<String>,
}

impl Record {
    /// Reads the record in the directory of a snapshot.
    ///
    /// # Errors
    /// Names the file: NotFound, or InvalidData with what is wrong.
    pub fn read(directory: &Path) -> Result<Self, Failure> {
        let path = directory.join(FILE);
        let reading = || format!("read {}", path.display());
        let mut text = String::new();
        File::open(&path)
            .and_then(|file| file.take(MAX_FILE).read_to_string(&mut text))
            .context(reading)?;
        toml::from_str(&text)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.message().to_owned()))
            .context(reading)
    }

    /// Writes it there, in place of what there was: wholly on the disk once the
    /// directory is synced.
    ///
    /// # Errors
    /// Names the file.
    pub fn write(&self, directory: &Path) -> Result<(), Failure> {
        self.write_for(directory, Life::Ordered)
    }

    /// The same; with [`Life::Volatile`] it is for the caller to sync the file.
    pub(crate) fn write_for(&self, directory: &Path, life: Life) -> Result<(), Failure> {
        let path = directory.join(FILE);
        let text = toml::to_string(self)
            .map_err(io::Error::other)
            .context(|| format!("write {}", path.display()))?;
        veld_durable::replace(&path, text.as_bytes(), life)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let full = Record {
            name: "before-upgrade".to_owned(),
            number: 7,
            created: 1_700_000_000,
            parent: Some("0123456789ab".to_owned()),
            description: "a \"line\"\nand another".to_owned(),
            expires: Some(1_800_000_000),
            schedules: vec!["hourly".to_owned(), "every 6h".to_owned()],
        };
        let least = Record {
            name: "x".to_owned(),
            ..Record::default()
        };
        for record in [full, least] {
            record.write(dir.path()).unwrap();
            assert_eq!(Record::read(dir.path()).unwrap(), record);
        }
    }

    #[test]
    fn what_is_damaged_names_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let missing = Record::read(dir.path()).unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
        let path = dir.path().join(FILE);
        veld_durable::replace(&path, b"name = 1\n", Life::Volatile).unwrap();
        let damaged = Record::read(dir.path()).unwrap_err();
        assert_eq!(
            damaged.to_string(),
            format!("cannot read {}", path.display())
        );
        assert_eq!(damaged.kind(), io::ErrorKind::InvalidData);
    }
}
