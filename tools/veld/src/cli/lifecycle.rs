//! Words of the commands that start and stop VEs, or hold them.

use clap::Args;
use veld_units::Timespan;

use super::Which;
use crate::signal::SignalNumber;

#[derive(Debug, Args)]
pub(crate) struct Start {
    #[command(flatten)]
    pub(crate) which: Which,
    /// Return when the services are up, at the latest after SECS.
    #[arg(long, value_name = "SECS", num_args = 0..=1, require_equals = true)]
    pub(crate) wait: Option<Option<Timespan>>,
    /// Show what would be done, and do nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Autostart {
    /// Have the services of one order up before the next, waiting at most SECS each.
    #[arg(long, value_name = "SECS", num_args = 0..=1, require_equals = true)]
    pub(crate) wait: Option<Option<Timespan>>,
}

#[derive(Debug, Args)]
pub(crate) struct Stop {
    #[command(flatten)]
    pub(crate) which: Which,
    /// How long to wait for the VE to shut down before it is killed.
    #[arg(long, short = 't', value_name = "SECS", allow_negative_numbers = true)]
    pub(crate) timeout: Option<Timespan>,
    /// Kill it at once.
    #[arg(long, short, conflicts_with = "timeout")]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Restart {
    #[command(flatten)]
    pub(crate) stop: Stop,
    /// Return when the services are up, at the latest after SECS.
    #[arg(long, value_name = "SECS", num_args = 0..=1, require_equals = true)]
    pub(crate) wait: Option<Option<Timespan>>,
}

#[derive(Debug, Args)]
pub(crate) struct Pause {
    #[command(flatten)]
    pub(crate) which: Which,
    /// How long its processes may take to stand still.
    #[arg(
        long,
        short = 't',
        value_name = "SECS",
        default_value = "10",
        allow_negative_numbers = true
    )]
    pub(crate) timeout: Timespan,
}

#[derive(Debug, Args)]
pub(crate) struct Resume {
    #[command(flatten)]
    pub(crate) which: Which,
}

#[derive(Debug, Args)]
pub(crate) struct Kill {
    #[command(flatten)]
    pub(crate) which: Which,
    /// Name or number of the signal, as TERM, SIGHUP, 9, RTMIN+4.
    #[arg(long, short, value_name = "SIGNAL", default_value = "KILL")]
    pub(crate) signal: SignalNumber,
}
