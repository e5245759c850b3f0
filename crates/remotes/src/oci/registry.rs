//! A registry: its manifests, and how one is let in.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use serde::Deserialize;

use super::auth;
use super::credentials::Credentials;
use super::manifest::{ACCEPT, LONGEST};
use super::reference::Reference;
use crate::digest::Digest;
use crate::error::{Error, Why};
use crate::http::{Client, Method, Request, Response};
use crate::progress::Progress;
use crate::remote::Access;
use crate::url::Url;

/// The longest explanation of an error that is looked at.
const LONGEST_ERROR: u64 = 64 * 1024;
/// How much of it is passed on.
const SAID: usize = 200;

/// A registry, and what it lets one see of one repository.
pub struct Registry {
    pub(super) client: Client,
    pub(super) reference: Reference,
    pub(super) progress: Progress,
    base: Url,
    credentials: Option<Credentials>,
    /// What the last request was let in by.
    authorization: Mutex<Option<String>>,
}

/// Without what it is let in by, which is to be in no log.
impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry")
            .field("reference", &self.reference)
            .field("base", &self.base)
            .finish_non_exhaustive()
    }
}

/// A manifest or an index as it came.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) url: Url,
    pub(super) media_type: String,
    pub(super) digest: Digest,
    pub(super) text: Vec<u8>,
}

#[derive(Debug, Deserialize)]
struct Errors {
    errors: Vec<OneError>,
}

#[derive(Debug, Deserialize)]
struct OneError {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

impl Registry {
    /// The registry of an image, at the address of a remote where it is of one, else
    /// by https at the host that the image names, or by http where that is this host.
    /// Without credentials in `access` those of other tools are taken.
    ///
    /// # Errors
    /// Where a file of certificates or credentials cannot be read.
    pub fn new(
        reference: &Reference,
        url: Option<&str>,
        access: &Access,
        progress: &Progress,
    ) -> Result<Self, Error> {
        let base = match url {
            Some(url) => {
                let url = Url::parse(url)?;
                Url::parse(&url.origin())?
            }
            None => {
                let plain = Url::parse(&format!("http://{}", reference.host()))?;
                if plain.is_loopback() {
                    plain
                } else {
                    Url::parse(&format!("https://{}", reference.host()))?
                }
            }
        };
        let credentials = match &access.credentials {
            Some(credentials) => Some(credentials.clone()),
            None => Credentials::from_auth_files(reference.host(), reference.repository())?,
        };
        Ok(Self {
            client: Client::new(access, progress.stop())?,
            reference: reference.clone(),
            progress: progress.clone(),
            base,
            credentials,
            authorization: Mutex::default(),
        })
    }

    /// The digest that the reference has now: of the index, where there is one.
    ///
    /// # Errors
    /// Those of the registry.
    pub fn resolve(&self) -> Result<Digest, Error> {
        let url = self.manifest_url(&self.reference.wanted())?;
        let headers = [("Accept", ACCEPT)];
        let response = self.send(&url, Method::Head, &headers)?;
        let told = response.header("docker-content-digest");
        match told.and_then(|told| told.parse().ok()) {
            Some(digest) if response.status.is_success() => Ok(digest),
            // A registry may not know the method, and need not send the header.
            _ => Ok(self.manifest(&self.reference.wanted())?.digest),
        }
    }

    /// A manifest by tag or digest, with the digest that it has.
    pub(super) fn manifest(&self, wanted: &str) -> Result<Content, Error> {
        let url = self.manifest_url(wanted)?;
        let response = self.send(&url, Method::Get, &[("Accept", ACCEPT)])?;
        let response = self.must_succeed(response, &url)?;
        let media_type = response
            .header("content-type")
            .unwrap_or_default()
            .to_owned();
        let told = response.header("docker-content-digest").map(str::to_owned);
        let text = response.body.read_all(LONGEST);
        let text = text.map_err(|why| self.client.told(why, &url))?;
        // What is pinned must be it; else what the registry itself says that it is.
        let pinned = wanted.parse::<Digest>().ok();
        let expected = pinned.or_else(|| told.and_then(|told| told.parse().ok()));
        let mut hasher = match &expected {
            Some(expected) => expected.hasher(),
            None => crate::digest::Hasher::sha256(),
        };
        hasher.update(&text);
        let digest = hasher.finish();
        if let Some(expected) = expected.filter(|expected| *expected != digest) {
            let (found, wanted) = (digest.to_string(), expected.to_string());
            return Err(Why::Digest { found, wanted }.at(&url));
        }
        Ok(Content {
            url,
            media_type,
            digest,
            text,
        })
    }

    /// Where a blob is.
    pub(super) fn blob_url(&self, digest: &Digest) -> Result<Url, Error> {
        self.base.below(&format!(
            "v2/{}/blobs/{digest}",
            self.reference.repository()
        ))
    }

    /// Sends a request, once more with what lets one in where that is asked for. Any
    /// other status is fine.
    pub(super) fn send(
        &self,
        url: &Url,
        method: Method,
        headers: &[(&str, &str)],
    ) -> Result<Response, Error> {
        let known = self.known();
        let request = |authorization| Request {
            method,
            headers,
            authorization,
        };
        let response = self
            .client
            .send_patiently(url, &request(known.as_deref()))?;
        if response.status.as_u16() != 401 {
            return Ok(response);
        }
        if !response.from.same_origin(url) {
            return Err(auth::refused_elsewhere(&response).at(url));
        }
        let scope = format!("repository:{}:pull", self.reference.repository());
        let credentials = self.credentials.as_ref();
        let Some(fresh) = auth::answer(&self.client, &response, url, &scope, credentials)? else {
            return Err(auth::refused(&response, false).at(url));
        };
        let response = self
            .client
            .send_patiently(url, &request(Some(fresh.as_str())))?;
        if response.status.as_u16() == 401 {
            return Err(auth::refused(&response, credentials.is_some()).at(url));
        }
        let place = self.authorization.lock();
        *place.unwrap_or_else(PoisonError::into_inner) = Some(fresh);
        Ok(response)
    }

    /// The answer, or what the registry says instead.
    pub(super) fn must_succeed(&self, response: Response, url: &Url) -> Result<Response, Error> {
        if response.status.is_success() {
            return Ok(response);
        }
        if response.status.as_u16() == 403 {
            return Err(auth::refused(&response, self.credentials.is_some()).at(url));
        }
        let status = response.status_line();
        let text = response.body.read_all(LONGEST_ERROR).unwrap_or_default();
        let said = explanation(&text);
        Err(Why::Status { status, said }.at(url))
    }

    fn known(&self) -> Option<String> {
        let place = self.authorization.lock();
        place.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn manifest_url(&self, wanted: &str) -> Result<Url, Error> {
        self.base.below(&format!(
            "v2/{}/manifests/{wanted}",
            self.reference.repository()
        ))
    }
}

/// The first error of those that a registry lists.
fn explanation(text: &[u8]) -> String {
    let errors: Option<Errors> = serde_json::from_slice(text).ok();
    let first = errors.and_then(|errors| errors.errors.into_iter().next());
    first.map_or_else(String::new, |first| {
        let said = if first.message.is_empty() {
            first.code
        } else {
            first.message
        };
        said.chars().take(SAID).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::explanation;

    #[test]
    fn a_registry_may_explain_itself() {
        let text = br#"{"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}"#;
        assert_eq!(explanation(text), "manifest unknown");
        assert_eq!(
            explanation(br#"{"errors": [{"code": "DENIED"}]}"#),
            "DENIED"
        );
        assert_eq!(explanation(br#"{"errors": []}"#), "");
        assert_eq!(explanation(b"<html>"), "");
    }
}
