//! What an image of a registry is called: `HOST[:PORT]/REPOSITORY[:TAG][@DIGEST]`.

use std::fmt;
use std::str::FromStr;

use crate::digest::Digest;
use crate::error::Error;
use crate::url::{Url, is_host, split_port};

const LONGEST_REPOSITORY: usize = 255;
const LONGEST_TAG: usize = 128;
const USUAL_TAG: &str = "latest";

/// An image of a registry. There is no registry that is meant unless another is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// `HOST[:PORT]`.
    host: String,
    repository: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

impl Reference {
    /// The image that `text` (without a host) means at the registry at `url`.
    ///
    /// # Errors
    /// [`Error::BadUrl`], [`Error::BadReference`].
    pub fn at(url: &str, text: &str) -> Result<Self, Error> {
        let url = Url::parse(url)?;
        let prefix = url.below("")?.to_string();
        let prefix = prefix.strip_prefix(&url.origin()).unwrap_or_default();
        let prefix = prefix.trim_matches('/');
        let whole = if prefix.is_empty() {
            text.to_owned()
        } else {
            format!("{prefix}/{text}")
        };
        Self::within(url.authority(), &whole, text)
    }

    /// `HOST[:PORT]`.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The last part of the name and the tag: what a person would call the image.
    #[must_use]
    pub fn short(&self) -> (&str, Option<&str>) {
        let last = self.repository.rsplit('/').next().unwrap_or_default();
        (last, self.tag.as_deref())
    }

    /// The digest that it pins.
    #[must_use]
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// The same image pinned to a digest.
    #[must_use]
    pub fn pinned(self, digest: Digest) -> Self {
        Self {
            digest: Some(digest),
            ..self
        }
    }

    pub(crate) fn repository(&self) -> &str {
        &self.repository
    }

    /// What a manifest is asked for by.
    pub(crate) fn wanted(&self) -> String {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => digest.to_string(),
            (None, Some(tag)) => tag.clone(),
            (None, None) => USUAL_TAG.to_owned(),
        }
    }

    /// Reads what follows the host; `said` is for errors.
    fn within(host: String, text: &str, said: &str) -> Result<Self, Error> {
        let bad = |why| Error::BadReference {
            text: said.chars().take(200).collect(),
            why,
        };
        let (text, digest) = match text.split_once('@') {
            Some((text, digest)) => {
                let digest = digest.parse().map_err(|_| bad("its digest is none"))?;
                (text, Some(digest))
            }
            None => (text, None),
        };
        let (repository, tag) = match text.split_once(':') {
            Some((repository, tag)) => (repository, Some(tag)),
            None => (text, None),
        };
        if !is_repository(repository) {
            return Err(bad("a repository is a path of a-z, 0-9, '.', '_' and '-'"));
        }
        if !tag.is_none_or(is_tag) {
            return Err(bad(
                "a tag is at most 128 letters, digits, '.', '_' and '-'",
            ));
        }
        Ok(Self {
            host,
            repository: repository.to_owned(),
            tag: tag.map(str::to_owned),
            digest,
        })
    }
}

impl FromStr for Reference {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let first = text.split_once('/');
        // What could be a folder as well is none of a host's names.
        let is_named = |host: &str| host.contains(['.', ':']) || host == "localhost";
        let Some((host, rest)) = first.filter(|(host, _)| is_named(host)) else {
            let text = text.chars().take(200).collect();
            return Err(Error::NoHost { text });
        };
        let whole = split_port(host).is_some_and(|(name, _)| is_host(name));
        if !whole {
            return Err(Error::BadReference {
                text: text.chars().take(200).collect(),
                why: "its host is none",
            });
        }
        Self::within(host.to_ascii_lowercase(), rest, text)
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.repository)?;
        match (&self.tag, &self.digest) {
            (Some(tag), _) => write!(f, ":{tag}")?,
            (None, None) => write!(f, ":{USUAL_TAG}")?,
            (None, Some(_)) => {}
        }
        match &self.digest {
            Some(digest) => write!(f, "@{digest}"),
            None => Ok(()),
        }
    }
}

fn is_repository(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_part = |part: &str| {
        let bytes = part.as_bytes();
        bytes.first().copied().is_some_and(plain)
            && bytes.last().copied().is_some_and(plain)
            && bytes
                .iter()
                .all(|&byte| plain(byte) || matches!(byte, b'.' | b'_' | b'-'))
            && !part.contains("..")
    };
    text.len() <= LONGEST_REPOSITORY && text.split('/').all(is_part)
}

fn is_tag(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=LONGEST_TAG).contains(&text.len())
        && text.bytes().all(plain)
        && !text.starts_with(['.', '-'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HEX: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn a_reference_names_its_host() {
        let pinned = format!("reg.test/a@{HEX}");
        let both = format!("reg.test/a:1@{HEX}");
        for (text, shown) in [
            ("127.0.0.1:5000/busybox", "127.0.0.1:5000/busybox:latest"),
            ("reg.test/a/b_c:1.2-x", "reg.test/a/b_c:1.2-x"),
            ("localhost/a", "localhost/a:latest"),
            ("[::1]:5000/a", "[::1]:5000/a:latest"),
            (&pinned, &pinned),
            (&both, &both),
        ] {
            let reference: Reference = text.parse().unwrap();
            assert_eq!(reference.to_string(), shown);
        }
    }

    #[test]
    fn a_reference_without_a_host_is_refused_with_what_to_write() {
        for text in ["debian:12", "debian", "library/debian:12", ""] {
            assert_eq!(
                text.parse::<Reference>().unwrap_err().to_string(),
                format!(
                    "{text:?} names no registry: write HOST/{text}, or REMOTE:IMAGE with a \
                     [remote.REMOTE] in veld.toml"
                )
            );
        }
        let repository = "a repository is a path of a-z, 0-9, '.', '_' and '-'";
        for (text, why) in [
            ("reg.test/", repository),
            ("reg.test/A", repository),
            ("reg.test/a//b", repository),
            ("reg.test/../b", repository),
            (
                "reg.test/a:",
                "a tag is at most 128 letters, digits, '.', '_' and '-'",
            ),
            ("reg.test/a@sha256:0", "its digest is none"),
            ("reg.test:x/a", "its host is none"),
        ] {
            assert_eq!(
                text.parse::<Reference>().unwrap_err().to_string(),
                format!("{text:?} is not an image: {why}")
            );
        }
    }

    #[test]
    fn a_remote_completes_a_reference() {
        let at = |url, text| Reference::at(url, text).unwrap().to_string();
        assert_eq!(at("https://reg.test", "debian:12"), "reg.test/debian:12");
        assert_eq!(
            at("http://reg.test:5000/mirror/", "debian"),
            "reg.test:5000/mirror/debian:latest"
        );
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_parser(text in "[a-z.:/@A-Z0-9é ]{0,40}") {
            if let Ok(reference) = text.parse::<Reference>() {
                let shown = reference.to_string();
                let again: Reference = shown.parse().unwrap();
                prop_assert_eq!(again.to_string(), shown);
            }
        }
    }
}
