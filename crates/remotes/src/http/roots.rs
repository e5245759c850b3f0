//! Whose certificates are believed: those that this host believes, and a remote's own.

use std::path::{Path, PathBuf};

use ureq::tls::{Certificate, PemItem, parse_pem};
use veld_sys::Context;

use crate::error::Error;

/// Where distributions keep the certificates of all authorities in one file.
const BUNDLES: &[&str] = &[
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// The host's certificates, those of `SSL_CERT_FILE` in place of them where that is
/// set, and those of `own`.
///
/// # Errors
/// Where `own` cannot be read or has none.
pub(super) fn trusted(own: Option<&Path>) -> Result<Vec<Certificate<'static>>, Error> {
    let mut all = Vec::new();
    let named = std::env::var_os("SSL_CERT_FILE").map(PathBuf::from);
    let bundles = BUNDLES.iter().map(PathBuf::from);
    let bundle = named.into_iter().chain(bundles).find(|path| path.is_file());
    if let Some(pem) = bundle.and_then(|path| std::fs::read(path).ok()) {
        all.extend(certificates(&pem));
    }
    if let Some(path) = own {
        let pem = std::fs::read(path).context(|| format!("read {}", path.display()))?;
        let found = certificates(&pem);
        if found.is_empty() {
            return Err(Error::BadFile {
                path: path.to_owned(),
                flaw: "has no certificate in PEM".to_owned(),
            });
        }
        all.extend(found);
    }
    Ok(all)
}

fn certificates(pem: &[u8]) -> Vec<Certificate<'static>> {
    parse_pem(pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_certificate_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ca.pem");
        std::fs::File::create(&path).unwrap();
        assert_eq!(
            trusted(Some(&path)).unwrap_err().to_string(),
            format!("{} has no certificate in PEM", path.display())
        );
        let missing = dir.path().join("none");
        trusted(Some(&missing)).unwrap_err();
    }
}
