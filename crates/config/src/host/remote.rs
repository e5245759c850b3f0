//! Servers that templates are pulled from: sections `[remote.NAME]` of veld.toml.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::HostConfig;
use crate::document::Parameter;
use crate::parameter::absolute_path;
use crate::{Invalid, Problem};

/// What an administrator calls a server of images: up to 15 lower-case letters,
/// digits and hyphens, a letter first, so that it cannot be taken for a host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RemoteName(String);

impl RemoteName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RemoteName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Invalid::check_name(text, "the name of a remote", 15, |at, c| {
            c.is_ascii_lowercase() || (at > 0 && (c.is_ascii_digit() || c == '-'))
        })?;
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for RemoteName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemoteKind {
    /// It is a registry of OCI images.
    Oci,
    /// It has indexes of simplestreams, as those of Incus and LXC.
    Simplestreams,
}

impl FromStr for RemoteKind {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let kinds = [Self::Oci, Self::Simplestreams];
        let named = kinds.into_iter().find(|kind| kind.to_string() == text);
        named.ok_or_else(|| Invalid::form(text, "a type of remote", "oci or simplestreams"))
    }
}

impl fmt::Display for RemoteKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Oci => "oci",
            Self::Simplestreams => "simplestreams",
        })
    }
}

/// A server of images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// Where it is.
    pub url: String,
    /// What it speaks.
    pub kind: RemoteKind,
    /// Whom it is told that this is, and the file whose first line is the password.
    pub login: Option<(String, PathBuf)>,
    /// Whether plain http to another host is allowed.
    pub insecure: bool,
    /// The keys that its indexes must be signed by.
    pub keyring: Option<PathBuf>,
    /// Certificates that are trusted besides the host's.
    pub ca: Option<PathBuf>,
}

/// A remote while its section is read.
#[derive(Debug, Clone, Default)]
pub(super) struct RawRemote {
    url: Option<String>,
    kind: Option<RemoteKind>,
    user: Option<String>,
    password_file: Option<PathBuf>,
    insecure: bool,
    keyring: Option<PathBuf>,
    ca: Option<PathBuf>,
}

impl RawRemote {
    /// The remote, where all is there that it must have.
    pub(super) fn complete(self) -> Option<Remote> {
        Some(Remote {
            url: self.url?,
            kind: self.kind?,
            login: self.user.zip(self.password_file),
            insecure: self.insecure,
            keyring: self.keyring,
            ca: self.ca,
        })
    }

    /// What does not go together, with the key that it is told of.
    fn conflicts(&self) -> Vec<(&'static str, &'static str)> {
        let mut found = Vec::new();
        if self.user.is_some() && self.password_file.is_none() {
            found.push(("user", "goes with password-file"));
        }
        if self.user.is_none() && self.password_file.is_some() {
            found.push(("password-file", "goes with user"));
        }
        if self.kind == Some(RemoteKind::Oci) && self.keyring.is_some() {
            let what = "is for type simplestreams: an OCI image is checked by its digest";
            found.push(("keyring", what));
        }
        let url = self.url.as_deref().unwrap_or_default();
        if !self.insecure && is_in_the_clear(url) {
            let what = "plain http is for this host alone: use https, or insecure = true";
            found.push(("url", what));
        }
        found
    }
}

/// The keys of a section `[remote.NAME]`.
pub(super) const REMOTE: &[Parameter<RawRemote>] = &[
    Parameter::required(
        "url",
        "the address of a server, as https://images.example",
        |raw, value| value.set_some(&mut raw.url, url),
    ),
    Parameter::required("type", "oci or simplestreams", |raw, value| {
        value.set_some(&mut raw.kind, str::parse)
    }),
    Parameter::optional("user", |raw, value| value.set_some(&mut raw.user, user)),
    Parameter::optional("password-file", |raw, value| {
        value.set_some(&mut raw.password_file, absolute_path)
    }),
    Parameter::optional("insecure", |raw, value| value.set_switch(&mut raw.insecure)),
    Parameter::optional("keyring", |raw, value| {
        value.set_some(&mut raw.keyring, absolute_path)
    }),
    Parameter::optional("ca", |raw, value| {
        value.set_some(&mut raw.ca, absolute_path)
    }),
];

/// What does not go together in the remotes.
pub(super) fn conflicts<'a>(
    remotes: impl Iterator<Item = (&'a RemoteName, &'a RawRemote)>,
    file: &Path,
) -> Vec<Problem> {
    remotes
        .flat_map(|(name, raw)| {
            raw.conflicts().into_iter().map(move |(key, what)| Problem {
                file: Some(file.to_owned()),
                line: None,
                key: Some(format!("remote.{name}.{key}")),
                what: what.to_owned(),
            })
        })
        .collect()
}

impl HostConfig {
    /// A remote by its name, whatever the text is.
    #[must_use]
    pub fn remote(&self, name: &str) -> Option<(&RemoteName, &Remote)> {
        self.remotes.get_key_value(&name.parse().ok()?)
    }
}

/// An address without user, query and fragment.
fn url(text: &str) -> Result<String, Invalid> {
    let rest = ["http://", "https://"]
        .iter()
        .find_map(|scheme| text.strip_prefix(scheme));
    let authority = rest.map(|rest| rest.split('/').next().unwrap_or_default());
    let plain = |byte: u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':' | b'[' | b']')
    };
    let is_named = authority.is_some_and(|authority| {
        let first = authority.bytes().next();
        first.is_some_and(|first| first != b':') && authority.bytes().all(plain)
    });
    let is_path = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#');
    if is_named && text.bytes().all(is_path) && text.len() <= 2048 {
        Ok(text.to_owned())
    } else {
        let allowed = "http:// or https://, a host, maybe a port and a path";
        Err(Invalid::form(text, "the address of a server", allowed))
    }
}

/// A user in the header of HTTP ends at the first colon.
fn user(text: &str) -> Result<String, Invalid> {
    if (1..=255).contains(&text.len()) && !text.contains(|c: char| c == ':' || c.is_control()) {
        Ok(text.to_owned())
    } else {
        let allowed = "1 to 255 characters, no colon among them";
        Err(Invalid::form(text, "a user", allowed))
    }
}

/// Whether an address is of plain http and of another host.
fn is_in_the_clear(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("http://") else {
        return false;
    };
    let authority = rest.split('/').next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(inner) => inner.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    let is_loopback = |address: IpAddr| address.is_loopback();
    host != "localhost" && !host.parse().is_ok_and(is_loopback)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "/etc/veld/veld.toml";

    fn refused(text: &str) -> String {
        let parsed = HostConfig::parse(Path::new(FILE), text);
        let said = parsed.unwrap_err().to_string();
        said.replace(&format!("{FILE}:"), "")
    }

    #[test]
    fn a_remote_is_read_whole() {
        let text = "[remote.images]\nurl = \"https://i.test:8443/x\"\ntype = \"simplestreams\"\n\
                    keyring = \"/k.gpg\"\n[remote.local]\nurl = \"http://127.0.0.1:5000\"\n\
                    type = \"oci\"\nuser = \"me\"\npassword-file = \"/w\"\nca = \"/ca.pem\"\n";
        let config = HostConfig::parse(Path::new(FILE), text).unwrap();
        let (name, images) = config.remote("images").unwrap();
        assert_eq!(
            (name.as_str(), images.url.as_str()),
            ("images", "https://i.test:8443/x")
        );
        assert_eq!(images.kind, RemoteKind::Simplestreams);
        assert_eq!(images.keyring.as_deref(), Some(Path::new("/k.gpg")));
        let (_, local) = config.remote("local").unwrap();
        assert_eq!(local.login, Some(("me".to_owned(), PathBuf::from("/w"))));
        assert_eq!(local.ca.as_deref(), Some(Path::new("/ca.pem")));
        assert_eq!(config.remote("127.0.0.1"), None);
    }

    #[test]
    fn each_mistake_has_its_line() {
        let table = [
            (
                "remote.A.url = \"x\"",
                "1: remote.A: \"A\" is not the name of a remote: 'A' at position 0",
            ),
            (
                "[remote.a]\nurl = \"ftp://a.test\"\ntype = \"oci\"",
                "2: remote.a.url: \"ftp://a.test\" is not the address of a server: allowed is http:// or \
                 https://, a host, maybe a port and a path",
            ),
            (
                "[remote.a]\nurl = \"https://me:word@a.test\"\ntype = \"oci\"",
                "2: remote.a.url: \"https://me:word@a.test\" is not the address of a server: allowed is \
                 http:// or https://, a host, maybe a port and a path",
            ),
            (
                "[remote.a]\nurl = \"https://a.test\"\ntype = \"docker\"",
                "3: remote.a.type: \"docker\" is not a type of remote: allowed is oci or simplestreams",
            ),
            (
                "[remote.a]\nurl = \"https://a.test\"",
                "1: remote.a.type: is missing: allowed is oci or simplestreams",
            ),
            (
                "[remote.a]\nurl = \"https://a.test\"\ntype = \"oci\"\nkeyrng = \"/k\"",
                "4: remote.a.keyrng: unknown key, did you mean keyring?",
            ),
            (
                "[remote.a]\nurl = \"http://a.test\"\ntype = \"oci\"",
                " remote.a.url: plain http is for this host alone: use https, or insecure = true",
            ),
            (
                "[remote.a]\nurl = \"https://a.test\"\ntype = \"oci\"\nkeyring = \"/k\"",
                " remote.a.keyring: is for type simplestreams: an OCI image is checked by its digest",
            ),
            (
                "[remote.a]\nurl = \"https://a.test\"\ntype = \"oci\"\nuser = \"me\"",
                " remote.a.user: goes with password-file",
            ),
            (
                "[remote.a]\nurl = \"https://a.test\"\ntype = \"oci\"\nuser = \"m:e\"",
                "4: remote.a.user: \"m:e\" is not a user: allowed is 1 to 255 characters, no colon among them",
            ),
        ];
        for (text, said) in table {
            assert_eq!(refused(text), said, "{text}");
        }
    }
}
