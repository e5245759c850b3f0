//! What may be said of templates.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use veld_config::TemplateName;
use veld_templates::BuildInit;
use veld_units::Bytes;

use super::TemplateFrom;

/// What Debian can boot with.
const INITS: &str = "\
Inits: systemd; sysvinit; openrc, run by sysvinit; openrc-init; runit; finit; busybox, with the
services of sysvinit; none.";

/// What of the VE is in it.
const FROM: &str = "\
The VE must not run, but a snapshot of it may be of one that does. Its machine-id, ssh host keys,
random seed, host name and resolver are left out; logs, users and all else stay.";

#[derive(Debug, Subcommand)]
pub(crate) enum Template {
    /// Build a template of Debian with mmdebstrap(1).
    #[command(after_help = INITS)]
    Build(Build),
    /// Import a directory or a tar archive, compressed or not, as a template.
    Import(Import),
    /// Make a template of a VE.
    #[command(after_help = FROM)]
    From(TemplateFrom),
    /// List templates.
    List(TemplateList),
    /// Show all about a template.
    Show(TemplateShow),
    /// Remove templates that no VE uses.
    Remove(TemplateRemove),
}

#[derive(Debug, Args)]
pub(crate) struct Build {
    /// Name of the new template.
    pub(crate) name: TemplateName,
    /// Debian's release, as bookworm or trixie.
    #[arg(long, default_value = "bookworm")]
    pub(crate) suite: String,
    /// What it boots with, as systemd or sysvinit.
    #[arg(long, value_name = "KIND", default_value = "systemd")]
    pub(crate) init: BuildInit,
    /// More packages, repeatable.
    #[arg(long, value_name = "PACKAGE,…", value_delimiter = ',')]
    pub(crate) include: Vec<String>,
    /// Where packages come from; the mirror that the host uses unless given.
    #[arg(long, value_name = "URL")]
    pub(crate) mirror: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Import {
    /// A directory, an archive, or - for an archive on standard input.
    pub(crate) source: PathBuf,
    /// Name of the new template.
    #[arg(long)]
    pub(crate) name: TemplateName,
    /// Refuse a tree larger than this.
    #[arg(long, value_name = "SIZE")]
    pub(crate) max_size: Option<Bytes>,
}

#[derive(Debug, Args)]
pub(crate) struct TemplateList {
    /// As JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct TemplateShow {
    /// Name of the template.
    pub(crate) name: TemplateName,
    /// As JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct TemplateRemove {
    /// Names of templates.
    #[arg(required = true, value_name = "NAME")]
    pub(crate) names: Vec<TemplateName>,
}
