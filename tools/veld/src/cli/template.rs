//! What may be said of templates.

use std::fmt::{self, Display, Formatter};
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Subcommand};
use veld_config::TemplateName;
use veld_templates::BuildInit;
use veld_units::Bytes;

/// What Debian can boot with.
const INITS: &str = "\
Inits: systemd; sysvinit; openrc, run by sysvinit; openrc-init; runit; finit; busybox, with the
services of sysvinit; none.";

/// What is imported.
const FORMATS: &str = "\
Sources, told apart by content: a root directory; a tar archive of one, plain or by gzip, xz or
zstd, as the caches of OpenVZ and backups of vzdump are; an OCI image layout or what docker save
writes, as a directory or an archive; an image of LXC or Incus, whole or split; a squashfs file
system.";

#[derive(Debug, Subcommand)]
pub(crate) enum Template {
    /// Build a template of Debian with mmdebstrap(1).
    #[command(after_help = INITS)]
    Build(Build),
    /// Import a directory, an archive or an image as a template.
    #[command(after_help = FORMATS)]
    Import(Import),
    /// List templates.
    List(TemplateList),
    /// Show all about a template.
    Show(TemplateShow),
    /// Remove templates that no VE uses, or versions of them.
    Remove(TemplateRemove),
    /// Remove all versions that no VE uses, and what killed commands have left.
    Gc(TemplateGc),
}

/// A template, or a version of it, as `NAME@ID`.
#[derive(Debug, Clone)]
pub(crate) struct TemplateVersion {
    pub(crate) name: TemplateName,
    /// The version; without one it is the template as it is now.
    pub(crate) id: Option<String>,
}

impl FromStr for TemplateVersion {
    type Err = <TemplateName as FromStr>::Err;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, id) = match text.split_once('@') {
            Some((name, id)) => (name, Some(id.to_owned())),
            None => (text, None),
        };
        let name = name.parse()?;
        Ok(Self { name, id })
    }
}

impl Display for TemplateVersion {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.id {
            Some(id) => write!(f, "{}@{id}", self.name),
            None => self.name.fmt(f),
        }
    }
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
    /// A directory, a file, or - for an archive on standard input.
    pub(crate) source: PathBuf,
    /// Name of the new template; that of the source unless given.
    #[arg(long)]
    pub(crate) name: Option<TemplateName>,
    /// Put it in place of the template that has the name; VEs keep the old one.
    #[arg(long)]
    pub(crate) replace: bool,
    /// Metadata of a split LXC or Incus image, whose root is the source.
    #[arg(long, value_name = "FILE")]
    pub(crate) metadata: Option<PathBuf>,
    /// Which image, where the source has several.
    #[arg(long, value_name = "REF")]
    pub(crate) image: Option<String>,
    /// Refuse another file, or image, than the one with this sha256.
    #[arg(long, value_name = "sha256:HEX")]
    pub(crate) digest: Option<String>,
    /// A detached OpenPGP signature that must hold for the source.
    #[arg(long, value_name = "FILE", requires = "keyring")]
    pub(crate) signature: Option<PathBuf>,
    /// The keys that may have made it, as gpg --export writes them.
    #[arg(long, value_name = "FILE", requires = "signature")]
    pub(crate) keyring: Option<PathBuf>,
    /// Take programs for another machine, too.
    #[arg(long)]
    pub(crate) any_architecture: bool,
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
    /// Name of the template, or NAME@ID for a version.
    pub(crate) name: TemplateVersion,
    /// As JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct TemplateRemove {
    /// Names of templates, or NAME@ID for versions.
    #[arg(required = true, value_name = "NAME")]
    pub(crate) names: Vec<TemplateVersion>,
}

#[derive(Debug, Args)]
pub(crate) struct TemplateGc {
    /// Say what would be removed, and leave it.
    #[arg(long)]
    pub(crate) dry_run: bool,
}
