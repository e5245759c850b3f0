//! What may be said of snapshots, clones and names.

use clap::{Args, Subcommand};
use veld_config::{SnapshotName, TemplateName, VeName, VeRef};
use veld_units::Timespan;

/// What becomes of what came after it, and of the rest.
pub(super) const RESTORE: &str = "\
What the VE has on disk and in its config is as it was then, but for its id and for addresses that
others have by now. What it has now is lost unless there is a snapshot of it.";

/// What a copy has of its own.
pub(super) const CLONE: &str = "\
A linked clone shares the data of the snapshot or VE that it is made of until either is written; a
full one shares nothing. Where neither is asked for it is linked if the disk can do that. Of a VE
that runs the disk is copied as it is at this instant. A clone has an id, addresses, MACs and a
machine-id of its own, and ssh host keys that are made when it starts; ports that the source
publishes are left to it.";

#[derive(Debug, Subcommand)]
pub(crate) enum Snapshot {
    /// Make a snapshot of a VE's disk and config, whether it runs or not.
    Create(SnapshotCreate),
    /// List the snapshots of a VE: each below the one that it goes on from.
    List(SnapshotList),
    /// Make a VE that does not run what it was in a snapshot.
    #[command(after_help = RESTORE)]
    Restore(SnapshotOne),
    /// Delete snapshots of a VE; those that go on from them stay.
    Delete(SnapshotDelete),
    /// Tell a path of the host's at which the files of a snapshot are, read-only.
    Mount(SnapshotOne),
    /// Take that path away.
    Umount(SnapshotOne),
    /// Make the snapshots that schedules ask for, and delete those whose time is over.
    #[command(
        after_help = "A timer calls this. Where it fails for a VE it goes on with the next; \
the exit status is 1 then."
    )]
    RunDue(SnapshotRunDue),
}

#[derive(Debug, Args)]
pub(crate) struct SnapshotCreate {
    /// Name or number of the VE.
    #[arg(value_name = "VE")]
    pub(crate) ve: VeRef,
    /// Name of the snapshot; the time, as 20261126-204500, unless given.
    #[arg(value_name = "SNAPSHOT")]
    pub(crate) name: Option<SnapshotName>,
    /// What it is for.
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    pub(crate) description: String,
    /// Let it be deleted so much later, as 7d.
    #[arg(long, value_name = "TIME")]
    pub(crate) expires: Option<Timespan>,
}

#[derive(Debug, Args)]
pub(crate) struct SnapshotList {
    /// Name or number of the VE.
    #[arg(value_name = "VE")]
    pub(crate) ve: VeRef,
    /// As JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SnapshotOne {
    /// Name or number of the VE.
    #[arg(value_name = "VE")]
    pub(crate) ve: VeRef,
    /// Name of the snapshot.
    #[arg(value_name = "SNAPSHOT")]
    pub(crate) name: SnapshotName,
}

#[derive(Debug, Args)]
pub(crate) struct SnapshotDelete {
    /// Name or number of the VE.
    #[arg(value_name = "VE")]
    pub(crate) ve: VeRef,
    /// Names of snapshots.
    #[arg(value_name = "SNAPSHOT", required = true)]
    pub(crate) names: Vec<SnapshotName>,
}

#[derive(Debug, Args)]
pub(crate) struct SnapshotRunDue {
    /// Names or numbers of VEs; all unless given.
    #[arg(value_name = "VE")]
    pub(crate) ves: Vec<VeRef>,
    /// Tell what would be done, and do nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Clone {
    /// Name or number of the VE to copy.
    #[arg(value_name = "SOURCE")]
    pub(crate) source: VeRef,
    /// Names of the new VEs.
    #[arg(value_name = "NAME", required = true)]
    pub(crate) names: Vec<VeName>,
    /// As it was in this snapshot.
    #[arg(long, value_name = "SNAPSHOT")]
    pub(crate) snapshot: Option<SnapshotName>,
    /// Share data with the source; refused where the disk cannot.
    #[arg(long, conflicts_with = "full")]
    pub(crate) linked: bool,
    /// Share nothing with the source.
    #[arg(long)]
    pub(crate) full: bool,
    /// Have the source's ssh host keys.
    #[arg(long)]
    pub(crate) keep_ssh_keys: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Rename {
    /// Name or number of the VE.
    #[arg(value_name = "VE")]
    pub(crate) ve: VeRef,
    /// Its new name.
    pub(crate) name: VeName,
}

#[derive(Debug, Args)]
pub(crate) struct TemplateFrom {
    /// Name or number of the VE.
    #[arg(value_name = "VE")]
    pub(crate) ve: VeRef,
    /// Name of the new template; the VE's unless given.
    #[arg(long, value_name = "TEMPLATE")]
    pub(crate) name: Option<TemplateName>,
    /// As the VE was in this snapshot.
    #[arg(long, value_name = "SNAPSHOT")]
    pub(crate) snapshot: Option<SnapshotName>,
}
