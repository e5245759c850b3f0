//! Who is told to a registry that this is: from the config, or from where other
//! tools have put it at their `login`.

use std::fmt;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use veld_sys::Context;

use crate::error::Error;

/// A file of them is no longer than this.
const LONGEST: u64 = 1 << 20;

/// A user and a password.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    user: String,
    password: String,
}

/// Without the password, which is to be in no log.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, Deserialize)]
struct AuthFile {
    #[serde(default)]
    auths: std::collections::BTreeMap<String, Auth>,
}

#[derive(Debug, Deserialize)]
struct Auth {
    auth: Option<String>,
}

impl Credentials {
    /// A user, and a password that is the first line of a file.
    ///
    /// # Errors
    /// Where the file cannot be read, or its first line is empty.
    pub fn from_file(user: &str, file: &Path) -> Result<Self, Error> {
        let text = read(file)?;
        let password = text.lines().next().unwrap_or_default();
        if password.is_empty() {
            return Err(Error::BadFile {
                path: file.to_owned(),
                flaw: "has no password in its first line".to_owned(),
            });
        }
        Ok(Self {
            user: user.to_owned(),
            password: password.to_owned(),
        })
    }

    /// Those for an image of a registry, from the files that podman, skopeo and docker
    /// keep: the first that has some.
    ///
    /// # Errors
    /// Where `$REGISTRY_AUTH_FILE` names a file that cannot be read, and where one that
    /// is there has another form.
    pub fn from_auth_files(host: &str, repository: &str) -> Result<Option<Self>, Error> {
        let variable = |name: &str| {
            let value = std::env::var_os(name).filter(|value| !value.is_empty());
            value.map(PathBuf::from)
        };
        let named = variable("REGISTRY_AUTH_FILE");
        let must_be_there = named.is_some();
        let podman = variable("XDG_RUNTIME_DIR").map(|path| path.join("containers/auth.json"));
        let docker = variable("DOCKER_CONFIG")
            .or_else(|| variable("HOME").map(|home| home.join(".docker")))
            .map(|path| path.join("config.json"));
        let files = match named {
            Some(named) => vec![named],
            None => podman.into_iter().chain(docker).collect(),
        };
        for file in files {
            if !must_be_there && !file.is_file() {
                continue;
            }
            if let Some(found) = Self::in_text(&read(&file)?, &file, host, repository)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// The header that shows them.
    pub(crate) fn basic(&self) -> String {
        let both = format!("{}:{}", self.user, self.password);
        format!("Basic {}", BASE64_STANDARD.encode(both))
    }

    /// The entry that says most of the image.
    fn in_text(
        text: &str,
        file: &Path,
        host: &str,
        repository: &str,
    ) -> Result<Option<Self>, Error> {
        let bad = |flaw: String| Error::BadFile {
            path: file.to_owned(),
            flaw,
        };
        let parsed: AuthFile = serde_json::from_str(text)
            .map_err(|error| bad(format!("is no file of credentials: {error}")))?;
        let mut best: Option<(usize, &Auth)> = None;
        for (key, auth) in &parsed.auths {
            let key = plain(key);
            let image = format!("{host}/{repository}/");
            let fits = image.starts_with(&format!("{key}/"));
            if fits && best.is_none_or(|(length, _)| key.len() > length) {
                best = Some((key.len(), auth));
            }
        }
        // An entry without a password says that another program keeps it.
        let Some(encoded) = best.and_then(|(_, auth)| auth.auth.as_deref()) else {
            return Ok(None);
        };
        let decoded = BASE64_STANDARD.decode(encoded.trim());
        let decoded = decoded.ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let both = decoded.as_deref().and_then(|both| both.split_once(':'));
        let (user, password) =
            both.ok_or_else(|| bad(format!("has no user and password for {host}")))?;
        Ok(Some(Self {
            user: user.to_owned(),
            // docker pads what it writes.
            password: password.trim_end_matches('\0').to_owned(),
        }))
    }
}

/// docker's oldest form of a key is an address with a version.
fn plain(key: &str) -> &str {
    let key = key
        .trim_start_matches("https://")
        .trim_start_matches("http://");
    let key = key.trim_end_matches('/');
    key.trim_end_matches("/v1").trim_end_matches("/v2")
}

fn read(file: &Path) -> Result<String, Error> {
    let reading = || format!("read {}", file.display());
    let length = std::fs::metadata(file).context(reading)?.len();
    if length > LONGEST {
        return Err(Error::BadFile {
            path: file.to_owned(),
            flaw: format!("is longer than {LONGEST} bytes"),
        });
    }
    Ok(std::fs::read_to_string(file).context(reading)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, host: &str, repository: &str) -> Option<String> {
        let file = Path::new("/auth.json");
        let found = Credentials::in_text(text, file, host, repository).unwrap();
        found.map(|found| format!("{}:{}", found.user, found.password))
    }

    #[test]
    fn the_entry_that_says_most_counts() {
        let text = r#"{"auths": {
            "reg.test": {"auth": "YTpvbmU="},
            "reg.test/team": {"auth": "YTp0d28="},
            "https://old.test/v1/": {"auth": "YTp0aHJlZQ=="},
            "helper.test": {}
        }, "credsStore": "x"}"#;
        assert_eq!(found(text, "reg.test", "x/y").as_deref(), Some("a:one"));
        assert_eq!(found(text, "reg.test", "team/y").as_deref(), Some("a:two"));
        assert_eq!(found(text, "reg.test", "teams/y").as_deref(), Some("a:one"));
        assert_eq!(found(text, "old.test", "y").as_deref(), Some("a:three"));
        assert_eq!(found(text, "helper.test", "y"), None);
        assert_eq!(found(text, "reg.test.evil.test", "y"), None);
        assert_eq!(found("{}", "reg.test", "y"), None);
    }

    #[test]
    fn a_file_of_another_form_is_named() {
        let file = Path::new("/auth.json");
        let bad = |text| {
            let error = Credentials::in_text(text, file, "reg.test", "y").unwrap_err();
            error.to_string()
        };
        assert!(bad("[").starts_with("/auth.json is no file of credentials: "));
        assert_eq!(
            bad(r#"{"auths": {"reg.test": {"auth": "!"}}}"#),
            "/auth.json has no user and password for reg.test"
        );
    }

    #[test]
    fn a_password_is_the_first_line_and_never_shown() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("word");
        std::io::Write::write_all(&mut std::fs::File::create(&file).unwrap(), b"secret\nx\n")
            .unwrap();
        let credentials = Credentials::from_file("me", &file).unwrap();
        assert_eq!(credentials.basic(), "Basic bWU6c2VjcmV0");
        assert!(!format!("{credentials:?}").contains("secret"));
        std::fs::File::create(&file).unwrap();
        assert_eq!(
            Credentials::from_file("me", &file).unwrap_err().to_string(),
            format!("{} has no password in its first line", file.display())
        );
    }
}
