//! What may be said of the quotas of users inside a VE.

use clap::{Args, Subcommand};
use veld_config::VeRef;
use veld_units::Bytes;

/// Where there are some.
pub(crate) const QUOTAS: &str = "\
VEs in the layout image have quotas, where the kernel has them for its file system. Root of a VE
cannot set them, which takes a privilege of the host's. Numbers are the VE's own.
  veld quota web1 set www-data --disk 1G --inodes 10000
  veld quota web1 set --group staff --disk 5G
  veld quota web1 set www-data --disk none";

#[derive(Debug, Args)]
pub(crate) struct Quota {
    /// Name or number of the VE.
    #[arg(value_name = "VE")]
    pub(crate) ve: VeRef,

    #[command(subcommand)]
    pub(crate) action: QuotaAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum QuotaAction {
    /// List users and groups with what they have and may have.
    List(QuotaList),
    /// Hold a user or a group to limits; one that is not given stays as it is.
    Set(QuotaSet),
}

#[derive(Debug, Args)]
pub(crate) struct QuotaList {
    /// As JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct QuotaSet {
    /// Name or number of a user inside.
    #[arg(value_name = "USER", required_unless_present = "group")]
    pub(crate) user: Option<String>,

    /// Name or number of a group inside, instead of a user.
    #[arg(long, conflicts_with = "user")]
    pub(crate) group: Option<String>,

    /// What it may have on disk, or none for no limit.
    #[arg(long, value_name = "SIZE", required_unless_present = "inodes")]
    pub(crate) disk: Option<Most>,

    /// How many files and directories it may have, or none for no limit.
    #[arg(long, value_name = "COUNT")]
    pub(crate) inodes: Option<MostInodes>,
}

/// Bytes, of which 0 are no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Most(pub(crate) u64);

/// A number, of which 0 is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MostInodes(pub(crate) u64);

impl std::str::FromStr for Most {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self(0));
        }
        let size: Bytes = text.parse().map_err(|error| format!("{error}"))?;
        // The kernel takes blocks of so many, and fewer than 2^54 of them.
        match size.get() {
            0 => Err("0 would be no limit, which is said by none".to_owned()),
            bytes if bytes >= 1 << 62 => Err("it is more than any disk has".to_owned()),
            bytes => Ok(Self(bytes.next_multiple_of(1024))),
        }
    }
}

impl std::str::FromStr for MostInodes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.parse()) {
            ("none", _) => Ok(Self(0)),
            (_, Ok(count @ 1..)) => Ok(Self(count)),
            (_, Ok(0)) => Err("0 would be no limit, which is said by none".to_owned()),
            (_, Err(_)) => Err("it is no number".to_owned()),
        }
    }
}
