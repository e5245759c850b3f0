//! Digests of content: read, and made while something is read.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256, Sha512};

/// What content is known by: `sha256:HEX` or `sha512:HEX`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest {
    algorithm: Algorithm,
    /// In lower case, as long as the algorithm has it.
    hex: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Algorithm {
    Sha256,
    Sha512,
}

impl Algorithm {
    fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    fn digits(self) -> usize {
        match self {
            Self::Sha256 => 64,
            Self::Sha512 => 128,
        }
    }
}

impl Digest {
    /// The sha256 of a text.
    #[must_use]
    pub fn of(content: &[u8]) -> Self {
        let mut hasher = Hasher::sha256();
        hasher.update(content);
        hasher.finish()
    }

    /// `sha256` or `sha512`: a folder of the cache.
    #[must_use]
    pub fn algorithm(&self) -> &'static str {
        self.algorithm.name()
    }

    /// The digits: a file of the cache.
    #[must_use]
    pub fn hex(&self) -> &str {
        &self.hex
    }

    /// What makes a digest to compare with this one.
    pub(crate) fn hasher(&self) -> Hasher {
        match self.algorithm {
            Algorithm::Sha256 => Hasher::sha256(),
            Algorithm::Sha512 => Hasher::Sha512(Box::default()),
        }
    }

    /// A sha256 from its digits alone.
    pub(crate) fn from_sha256(hex: &str) -> Result<Self, BadDigest> {
        format!("sha256:{hex}").parse()
    }
}

/// Not a digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a digest: allowed is sha256: or sha512: and its digits")]
pub struct BadDigest(String);

impl FromStr for Digest {
    type Err = BadDigest;

    fn from_str(text: &str) -> Result<Self, BadDigest> {
        let bad = || BadDigest(text.chars().take(200).collect());
        let (name, hex) = text.split_once(':').ok_or_else(bad)?;
        let algorithm = [Algorithm::Sha256, Algorithm::Sha512]
            .into_iter()
            .find(|algorithm| algorithm.name() == name)
            .ok_or_else(bad)?;
        let plain = hex.bytes().all(|byte| byte.is_ascii_hexdigit());
        if hex.len() != algorithm.digits() || !plain {
            return Err(bad());
        }
        let hex = hex.to_ascii_lowercase();
        Ok(Self { algorithm, hex })
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm(), self.hex)
    }
}

/// Makes a digest of what passes.
#[derive(Debug, Clone)]
pub(crate) enum Hasher {
    Sha256(Box<Sha256>),
    Sha512(Box<Sha512>),
}

impl Hasher {
    pub(crate) fn sha256() -> Self {
        Self::Sha256(Box::default())
    }

    pub(crate) fn update(&mut self, content: &[u8]) {
        match self {
            Self::Sha256(hasher) => hasher.update(content),
            Self::Sha512(hasher) => hasher.update(content),
        }
    }

    pub(crate) fn finish(self) -> Digest {
        let (algorithm, bytes) = match self {
            Self::Sha256(hasher) => (Algorithm::Sha256, hasher.finalize().to_vec()),
            Self::Sha512(hasher) => (Algorithm::Sha512, hasher.finalize().to_vec()),
        };
        let hex = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        Digest { algorithm, hex }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_an_algorithm_and_its_digits() {
        let empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Digest::of(b"").to_string(), empty);
        let upper = empty.replace('e', "E").replace("shaE", "sha");
        assert_eq!(upper.parse::<Digest>().unwrap().to_string(), empty);
        let long = format!("sha512:{}", "0".repeat(128));
        let digest: Digest = long.parse().unwrap();
        assert_ne!(digest.hasher().finish(), digest);
        for bad in [
            "",
            "sha256",
            "sha256:",
            "md5:00",
            "sha256:../../x",
            &format!("sha256:{}", "g".repeat(64)),
        ] {
            assert_eq!(
                bad.parse::<Digest>().unwrap_err().to_string(),
                format!("{bad:?} is not a digest: allowed is sha256: or sha512: and its digits")
            );
        }
    }
}
