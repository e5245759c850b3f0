//! What a part stands on, in a file of its own: "template NAME ID" or "layer LAYER".

use std::fmt;
use std::fs::File;
use std::io;
use std::path::Path;

use veld_durable::Life;
use veld_sys::{Context, Failure};

const FILE: &str = "below";
/// Hexadecimal digits of the id of a layer, as of a template.
const DIGITS: usize = 12;

/// What a part stands on, or of other layouts than an overlay was made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Below {
    /// A template.
    Template(Base),
    /// A frozen layer, of `DATA/layers`.
    Layer(LayerId),
}

/// A template by name and version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base {
    /// The template's name when the part was made.
    pub name: String,
    /// Which of that name; a template of before ids has none.
    pub id: Option<String>,
}

/// The id of a layer: twelve hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LayerId(String);

impl LayerId {
    /// A new one.
    ///
    /// # Errors
    /// Those of getrandom(2).
    pub fn random() -> Result<Self, Failure> {
        let mut bytes = [0; DIGITS / 2];
        rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())
            .context(|| "draw an id for a layer")?;
        Ok(Self(
            bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        ))
    }

    /// The id that a text is.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        (text.len() == DIGITS && text.bytes().all(is_digit)).then(|| Self(text.to_owned()))
    }

    /// As text, which is the name of its directory.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Below {
    /// What a part says; nothing where it does not.
    ///
    /// # Errors
    /// Names the file; `InvalidData` for one that says nothing known.
    pub fn read(part: &Path) -> Result<Option<Self>, Failure> {
        let path = part.join(FILE);
        let text = match std::fs::read_to_string(&path) {
            Err(missing) if missing.kind() == io::ErrorKind::NotFound => return Ok(None),
            read => read.context(|| format!("read {}", path.display()))?,
        };
        let parsed = Self::parse(&text).ok_or(io::Error::from(io::ErrorKind::InvalidData));
        parsed
            .map(Some)
            .context(|| format!("parse {}", path.display()))
    }

    /// Says so in a part that nobody uses yet and for which nothing is held: [`sync_part`]
    /// has it on the disk before anybody uses it. Of a power loss before that there may
    /// come an empty word, which is none.
    ///
    /// # Errors
    /// Names the file.
    pub(crate) fn write(&self, part: &Path) -> Result<(), Failure> {
        self.write_for(part, Life::Volatile)
    }

    /// Says so in a part that is in use, or before the layer is held for it, which is to be
    /// let go of by this word; of a power loss there comes the whole word or none.
    ///
    /// # Errors
    /// Names the file.
    pub fn amend(&self, part: &Path) -> Result<(), Failure> {
        self.write_for(part, Life::Ordered)
    }

    fn write_for(&self, part: &Path, life: Life) -> Result<(), Failure> {
        let text = format!("{self}\n");
        veld_durable::replace(&part.join(FILE), text.as_bytes(), life)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut words = text.split_ascii_whitespace();
        let below = match words.next()? {
            "template" => {
                let name = words.next()?.to_owned();
                // A name that leads elsewhere is no name.
                if name.contains('/') || name.starts_with('.') {
                    return None;
                }
                let id = words.next()?;
                let id = (id != "-").then(|| id.to_owned());
                Self::Template(Base { name, id })
            }
            "layer" => Self::Layer(LayerId::parse(words.next()?)?),
            _ => return None,
        };
        words.next().is_none().then_some(below)
    }
}

/// Has what a part stands on, and the names in it, on the disk: the last thing before
/// it is used.
pub(crate) fn sync_part(part: &Path) -> io::Result<()> {
    match File::open(part.join(FILE)) {
        Ok(below) => below.sync_all()?,
        Err(none) if none.kind() == io::ErrorKind::NotFound => {}
        Err(other) => return Err(other),
    }
    File::open(part)?.sync_all()
}

impl fmt::Display for Below {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Template(base) => {
                let id = base.id.as_deref().unwrap_or("-");
                write!(f, "template {} {id}", base.name)
            }
            Self::Layer(layer) => write!(f, "layer {}", layer.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_read_again() {
        let part = tempfile::tempdir().unwrap();
        assert_eq!(Below::read(part.path()).unwrap(), None);
        let base = |id: Option<&str>| {
            Below::Template(Base {
                name: "debian-12".to_owned(),
                id: id.map(str::to_owned),
            })
        };
        let layer = Below::Layer(LayerId::random().unwrap());
        for below in [base(None), base(Some("0123456789ab")), layer] {
            below.write(part.path()).unwrap();
            assert_eq!(Below::read(part.path()).unwrap(), Some(below));
        }
    }

    #[test]
    fn what_leads_elsewhere_is_not_believed() {
        for text in [
            "",
            "template",
            "template debian",
            "template ../a -",
            "template .a -",
            "template debian - more",
            "layer ../../etc/00",
            "layer 0123456789AB",
            "layer 0123",
            "image x",
        ] {
            assert_eq!(Below::parse(text), None, "{text}");
        }
    }
}
