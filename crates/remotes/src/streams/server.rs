//! A server of simplestreams: what it has.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use super::find::{self, Found, Newest};
use super::index::{Index, Products};
use super::signed;
use crate::digest::Digest;
use crate::error::{Error, Why};
use crate::http::{Client, Method, Request, Response};
use crate::oci::Credentials;
use crate::progress::Progress;
use crate::remote::Access;
use crate::url::Url;

/// The longest that all indexes of a server may be together.
const LONGEST: u64 = 32 << 20;
/// Files of products that it may list.
const MOST_PRODUCTS: usize = 64;
const INDEX: &str = "streams/v1/index.json";

/// A server of simplestreams.
pub struct Streams {
    pub(super) client: Client,
    pub(super) base: Url,
    pub(super) progress: Progress,
    keyring: Option<PathBuf>,
    authorization: Option<String>,
}

/// Without what it is let in by, which is to be in no log.
impl fmt::Debug for Streams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Streams")
            .field("base", &self.base)
            .finish_non_exhaustive()
    }
}

impl Streams {
    /// The server at an address. With a keyring its signed indexes are read, and no
    /// other.
    ///
    /// # Errors
    /// Where the address is none, or certificates cannot be read.
    pub fn new(
        url: &str,
        keyring: Option<&Path>,
        access: &Access,
        progress: &Progress,
    ) -> Result<Self, Error> {
        Ok(Self {
            client: Client::new(access, progress.stop())?,
            base: Url::parse(url)?,
            progress: progress.clone(),
            keyring: keyring.map(Path::to_owned),
            authorization: access.credentials.as_ref().map(Credentials::basic),
        })
    }

    /// All images that it has for this machine, by name.
    ///
    /// # Errors
    /// [`Error::Get`], [`Error::Signature`].
    pub fn list(&self) -> Result<Vec<Found>, Error> {
        Ok(find::all(&self.products()?, find::machine()))
    }

    /// The digest of the newest build of an image.
    ///
    /// # Errors
    /// [`Error::NoImage`], [`Error::OtherPlatform`], and those of [`Streams::list`].
    pub fn resolve(&self, alias: &str) -> Result<Digest, Error> {
        let newest = self.newest(alias)?;
        self.digest(newest.files.fingerprint())
    }

    pub(super) fn newest(&self, alias: &str) -> Result<Newest, Error> {
        let remote = self.base.to_string();
        find::by_alias(&self.products()?, alias, find::machine(), &remote)
    }

    /// A sha256 of an index.
    pub(super) fn digest(&self, hex: &str) -> Result<Digest, Error> {
        Digest::from_sha256(hex).map_err(|error| Why::Unusable(error.to_string()).at(&self.base))
    }

    /// Asks for a file from a byte on.
    pub(super) fn open(&self, url: &Url, from: u64) -> Result<Response, Error> {
        let range = format!("bytes={from}-");
        let headers = [("Range", range.as_str())];
        let request = Request {
            method: Method::Get,
            headers: if from > 0 { &headers } else { &[] },
            authorization: self.authorization.as_deref(),
        };
        self.client.send_patiently(url, &request)
    }

    fn products(&self) -> Result<Vec<Products>, Error> {
        let mut left = LONGEST;
        let index: Index = self.index(INDEX, &mut left)?;
        let paths = index.paths();
        if paths.len() > MOST_PRODUCTS {
            let what = format!("it lists {} files, more than {MOST_PRODUCTS}", paths.len());
            return Err(Why::Unusable(what).at(self.base.below(INDEX)?));
        }
        let paths = paths.into_iter();
        paths.map(|path| self.index(path, &mut left)).collect()
    }

    /// An index at a path, the signed one where keys are given; no longer than what is
    /// left.
    fn index<T: DeserializeOwned>(&self, path: &str, left: &mut u64) -> Result<T, Error> {
        let url = match &self.keyring {
            Some(_) => {
                let bare = path.strip_suffix(".json").unwrap_or(path);
                self.base.below(&format!("{bare}.sjson"))?
            }
            None => self.base.below(path)?,
        };
        let response = self.open(&url, 0)?;
        if !response.status.is_success() {
            let status = response.status_line();
            let said = String::new();
            return Err(Why::Status { status, said }.at(&url));
        }
        let text = response.body.read_all(*left);
        let mut text = text.map_err(|why| self.client.told(why, &url))?;
        *left = left.saturating_sub(u64::try_from(text.len()).unwrap_or(u64::MAX));
        if let Some(keyring) = &self.keyring {
            text = signed::verified(&text, &url.to_string(), keyring)?;
        }
        serde_json::from_slice(&text)
            .map_err(|error| Why::Unusable(format!("it is no index of images: {error}")).at(&url))
    }
}
