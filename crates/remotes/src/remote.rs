//! How a server is reached: what of it is the administrator's to say.

use std::path::PathBuf;

use crate::http::Patience;
use crate::oci::Credentials;

/// What is allowed with a server, and what it is shown.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// Whether plain http is allowed to another host.
    pub insecure: bool,
    /// Certificates in PEM that are trusted besides the host's own.
    pub ca: Option<PathBuf>,
    /// Whom it is told that this is; only it, and the server of tokens that it names.
    pub credentials: Option<Credentials>,
    /// How long it is waited for.
    pub patience: Patience,
}
