//! What can go wrong between here and a server.

use std::io;
use std::path::PathBuf;

use veld_sys::Failure;

/// Why something was not had from a remote.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text is no reference of an image.
    #[error("{text:?} is not an image: {why}")]
    BadReference {
        /// The text.
        text: String,
        /// The rule that it breaks.
        why: &'static str,
    },
    /// A reference that leaves open which registry is meant.
    #[error(
        "{text:?} names no registry: write HOST/{text}, or REMOTE:IMAGE with a [remote.REMOTE] in veld.toml"
    )]
    NoHost {
        /// The reference.
        text: String,
    },
    /// The text is no address of a server.
    #[error("{text:?} is not an address: {why}")]
    BadUrl {
        /// The text.
        text: String,
        /// The rule that it breaks.
        why: &'static str,
    },
    /// Something was not had.
    #[error("cannot get {url}")]
    Get {
        /// Where it was asked for.
        url: String,
        /// Why not.
        #[source]
        why: Why,
    },
    /// The image is for other machines.
    #[error("{image} is not for {wanted}: it is for {}", listed(there))]
    OtherPlatform {
        /// The image.
        image: String,
        /// This machine's, as `linux/amd64`.
        wanted: String,
        /// Those that there are.
        there: Vec<String>,
    },
    /// A server of simplestreams has no such image.
    #[error("{remote} has no image {image}{}", nearest(near))]
    NoImage {
        /// Its address.
        remote: String,
        /// The alias.
        image: String,
        /// Aliases that resemble it.
        near: Vec<String>,
    },
    /// A signature does not hold, or is not there.
    #[error("{url} is not signed by a key of {}: {said}", keyring.display())]
    Signature {
        /// What was to be signed.
        url: String,
        /// The keys that are trusted.
        keyring: PathBuf,
        /// What gpgv says.
        said: String,
    },
    /// A file of credentials or certificates has nothing of use.
    #[error("{} {flaw}", path.display())]
    BadFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        flaw: String,
    },
    /// Another command held the cache until the patience was over.
    #[error("the cache {} is in use by another command", path.display())]
    Busy {
        /// The cache.
        path: PathBuf,
    },
    /// The caller asked to stop.
    #[error("interrupted")]
    Interrupted,
    /// The kernel refused an operation.
    #[error(transparent)]
    Failed(#[from] Failure),
}

/// Why something was not had from where it was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Why {
    /// The server says no.
    #[error("{status}{}", after(said))]
    Status {
        /// `404 Not Found`.
        status: String,
        /// What the server adds; empty where it adds nothing.
        said: String,
    },
    /// The server wants to know who asks, or does not let that one in.
    #[error("{status}: {hint}")]
    Denied {
        /// `401 Unauthorized`.
        status: String,
        /// What was tried.
        hint: &'static str,
    },
    /// The server asks for more patience than there is.
    #[error("{status}, and asks to come back in {seconds} s")]
    Later {
        /// `429 Too Many Requests`.
        status: String,
        /// How long.
        seconds: u64,
    },
    /// A redirect leads where none may.
    #[error("it redirects to {to}, {why}")]
    Redirect {
        /// Where to.
        to: String,
        /// What is wrong with that.
        why: &'static str,
    },
    /// Redirects without end.
    #[error("it redirects more than {most} times, last to {to}")]
    TooManyRedirects {
        /// How many are followed.
        most: u32,
        /// The last.
        to: String,
    },
    /// Passwords and images would go over the network for all to read.
    #[error("plain http is for this host alone: use https, or a remote with insecure = true")]
    PlainHttp,
    /// Nothing came for a while.
    #[error("nothing came for {seconds} s")]
    Silent {
        /// How long.
        seconds: u64,
    },
    /// Less came than is worth waiting for.
    #[error("only {bytes} bytes came in {seconds} s")]
    Slow {
        /// How much.
        bytes: u64,
        /// In which time.
        seconds: u64,
    },
    /// More is sent than may be.
    #[error("it is longer than {most} bytes")]
    TooLong {
        /// What may be.
        most: u64,
    },
    /// There is no space for it.
    #[error("it takes {missing} bytes, and {free} are free")]
    NoSpace {
        /// What of it is not here.
        missing: u64,
        /// What there is.
        free: u64,
    },
    /// Less was sent than was declared.
    #[error("it ended after {found} of {declared} bytes")]
    TooShort {
        /// What came.
        found: u64,
        /// What was declared.
        declared: u64,
    },
    /// Something else was sent.
    #[error("it has digest {found}, not {wanted}")]
    Digest {
        /// Of what came.
        found: String,
        /// Of what was asked for.
        wanted: String,
    },
    /// What came is not what is read here.
    #[error("{0}")]
    Unusable(String),
    /// The name of the host has no address.
    #[error("no address of host {host} is known")]
    NoAddress {
        /// The name.
        host: String,
    },
    /// The other end is not whom its name says, or speaks no TLS.
    #[error("TLS: {0}")]
    Tls(String),
    /// The other end does not speak HTTP.
    #[error("{0}")]
    Protocol(String),
    /// The network or the other end.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Why {
    /// The whole error.
    pub(crate) fn at(self, url: impl ToString) -> Error {
        Error::Get {
            url: url.to_string(),
            why: self,
        }
    }
}

fn after(said: &str) -> String {
    if said.is_empty() {
        String::new()
    } else {
        format!(": {said}")
    }
}

fn listed(there: &[String]) -> String {
    if there.is_empty() {
        "no machine".to_owned()
    } else {
        there.join(", ")
    }
}

fn nearest(near: &[String]) -> String {
    if near.is_empty() {
        String::new()
    } else {
        format!(": there is {}", near.join(", "))
    }
}
