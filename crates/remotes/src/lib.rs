//! Images of others over HTTP, into files of this host: from registries of OCI
//! images, and from servers of simplestreams, which Incus and LXC use.
//!
//! ```text
//! CACHE/oci/               an OCI image layout: oci-layout, index.json, blobs/sha256/…
//! CACHE/partial/           files of which a part is here: the next pull goes on with them
//! CACHE/streams/DIGEST/    the files of one image of a simplestreams server
//! CACHE/lock               shared by pulls, held alone by a sweep
//! ```
//!
//! All of it is 0700 and 0600 of root. A file under its final name is whole, has the
//! digest that was declared for it, and is on the disk.
//!
//! A server is believed nothing: sizes are bounded before anything is read, what has
//! another digest than was asked for is thrown away, no redirect leads to another
//! protocol, no password to another host, and whoever is silent or slow is given up.
//!
//! Pulls run a few threads, one per blob on its way; nothing is asynchronous.
//!
//! What this crate must not know: templates, VEs, and what is in an image.

mod cache;
mod digest;
mod error;
mod http;
mod oci;
mod progress;
mod remote;
mod streams;
mod url;

pub use cache::{Cache, Swept};
pub use digest::Digest;
pub use error::{Error, Why};
pub use http::Patience;
pub use oci::{Credentials, PulledImage, Reference, Registry};
pub use progress::{Item, Progress};
pub use remote::Access;
pub use streams::{Found, PulledFiles, Streams};
