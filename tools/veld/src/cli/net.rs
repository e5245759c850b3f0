//! What may be said of the network of all VEs together.

use clap::{Args, Subcommand};
use veld_config::VeRef;

#[derive(Debug, Subcommand)]
pub(crate) enum Net {
    /// List the interfaces of running VEs, with --all of every VE.
    List(NetList),
    /// Show all of how a VE is connected.
    Show(NetShow),
    /// Put back the rules of all VEs that run, after somebody has changed or flushed them.
    Repair,
}

#[derive(Debug, Args)]
pub(crate) struct NetList {
    /// Also those of VEs that do not run.
    #[arg(short, long)]
    pub(crate) all: bool,

    /// As JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct NetShow {
    /// Name or number of the VE.
    #[arg(value_name = "VE")]
    pub(crate) ve: VeRef,

    /// As JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
