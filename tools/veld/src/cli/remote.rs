//! What may be said of remotes, which templates are pulled from.

use clap::Args;
use veld_config::{RemoteName, TemplateName};
use veld_units::Bytes;

/// Where from, and as whom.
pub(crate) const SOURCES: &str = "\
Sources: REMOTE:IMAGE, with a [remote.REMOTE] of veld.toml, as images:debian/12 or hub:debian:12; or
HOST[:PORT]/REPOSITORY[:TAG][@DIGEST] of a registry of OCI images, by https. Who has logged in to a
registry by podman, skopeo or docker is known to it here, too.";

#[derive(Debug, Args)]
pub(crate) struct TemplatePull {
    /// What to pull, as images:debian/12 or registry.example:5000/debian:12.
    pub(crate) source: String,
    /// Name of the new template; what the source is called unless given.
    #[arg(long)]
    pub(crate) name: Option<TemplateName>,
    /// Refuse another image than the one with this digest.
    #[arg(long, value_name = "sha256:HEX")]
    pub(crate) digest: Option<String>,
    /// Refuse a tree larger than this, now and in updates.
    #[arg(long, value_name = "SIZE")]
    pub(crate) max_size: Option<Bytes>,
}

#[derive(Debug, Args)]
pub(crate) struct TemplateUpdate {
    #[command(flatten)]
    pub(crate) which: PulledTemplates,
    /// Refuse a tree larger than this, instead of what was said when it was pulled.
    #[arg(long, value_name = "SIZE")]
    pub(crate) max_size: Option<Bytes>,
}

/// Which templates are updated.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct PulledTemplates {
    /// Names of templates.
    #[arg(value_name = "NAME")]
    pub(crate) names: Vec<TemplateName>,
    /// All that were pulled.
    #[arg(long)]
    pub(crate) all: bool,
}

#[derive(Debug, Args)]
pub(crate) struct TemplateRemotes {
    /// As JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct TemplateSearch {
    /// Name of a remote of type simplestreams.
    pub(crate) remote: RemoteName,
    /// Part of a name, as debian or cloud.
    pub(crate) word: Option<String>,
    /// As JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
