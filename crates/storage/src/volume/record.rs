//! What is written down of a volume beside its files: `volume.toml`.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use serde::{Deserialize, Serialize};
use veld_durable::Life;
use veld_sys::{Context, Failure};

const FILE: &str = "volume.toml";
/// No record is longer.
const MAX_FILE: u64 = 64 * 1024;

#[derive(Debug, Serialize, Deserialize)]
struct Record {
    /// Seconds since 1970.
    created: u64,
}

/// When the volume was made.
pub(super) fn read(volume: &Path) -> Result<u64, Failure> {
    let path = volume.join(FILE);
    let reading = || format!("read {}", path.display());
    let mut text = String::new();
    File::open(&path)
        .and_then(|file| file.take(MAX_FILE).read_to_string(&mut text))
        .context(reading)?;
    let record: Record = toml::from_str(&text)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.message().to_owned()))
        .context(reading)?;
    Ok(record.created)
}

pub(super) fn write(volume: &Path, created: u64) -> Result<(), Failure> {
    let path = volume.join(FILE);
    let text = toml::to_string(&Record { created })
        .map_err(io::Error::other)
        .context(|| format!("write {}", path.display()))?;
    veld_durable::replace(&path, text.as_bytes(), Life::Durable)
}
