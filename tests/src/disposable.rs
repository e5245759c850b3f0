//! Whether tests may and can run here.

use std::path::PathBuf;

use crate::template::Template;

/// What has to be set to `1` on a machine that nobody would miss.
const DISPOSABLE: &str = "VELD_TEST_DISPOSABLE";
/// The prefix that the programs are staged below.
const STAGE: &str = "VELD_STAGE";
/// Where templates are kept between runs, and hosts while they live.
const CACHE: &str = "VELD_TEST_CACHE";

/// What these tests need and this machine lacks; nothing where they can run.
///
/// # Panics
/// Where they could run, but the environment does not say that they may.
#[must_use]
pub fn missing(templates: &[Template]) -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("not root".to_owned());
    }
    let disposable = std::env::var_os(DISPOSABLE).is_some_and(|value| value == "1");
    assert!(
        disposable,
        "these tests make mounts, cgroups and links as root: {DISPOSABLE}=1 says that \
         this machine is disposable (cargo xtask test sets it)"
    );
    templates.iter().find_map(|template| template.missing())
}

/// The staged prefix.
pub(crate) fn stage() -> PathBuf {
    directory(STAGE)
}

/// The cache.
pub(crate) fn cache() -> PathBuf {
    directory(CACHE)
}

fn directory(variable: &str) -> PathBuf {
    match std::env::var_os(variable) {
        Some(path) if !path.is_empty() => PathBuf::from(path),
        _ => panic!("{variable} is not set: cargo xtask test sets it"),
    }
}
