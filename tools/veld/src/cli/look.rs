//! Words of the commands that show what there is, and what happens.

use clap::{Args, Subcommand};
use veld_config::VeRef;
use veld_units::Timespan;

use crate::commands;

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Also VEs that do not run.
    #[arg(long, short)]
    pub(crate) all: bool,
    /// Columns to show, in this order.
    #[arg(
        long,
        short = 'o',
        value_name = "COLUMN,…",
        value_delimiter = ',',
        hide_possible_values = true
    )]
    pub(crate) output: Vec<commands::Column>,
    /// Column to sort by; -COLUMN for the reverse order.
    #[arg(long, short, value_name = "COLUMN", allow_hyphen_values = true)]
    pub(crate) sort: Option<commands::Order>,
    /// No header.
    #[arg(long, short = 'H', conflicts_with_all = ["quiet", "json"])]
    pub(crate) no_header: bool,
    /// Names alone, one per line.
    #[arg(long, short, conflicts_with = "output")]
    pub(crate) quiet: bool,
    /// As JSON.
    #[arg(long, conflicts_with_all = ["quiet", "output"])]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Stats {
    /// Names or numbers of VEs; all that run unless given.
    #[arg(value_name = "VE")]
    pub(crate) ves: Vec<VeRef>,
    /// Go on every SECS, 1 unless given.
    #[arg(long, short, value_name = "SECS", num_args = 0..=1, require_equals = true)]
    pub(crate) watch: Option<Option<Timespan>>,
    /// Columns to show, in this order.
    #[arg(
        long,
        short = 'o',
        value_name = "COLUMN,…",
        value_delimiter = ',',
        hide_possible_values = true
    )]
    pub(crate) output: Vec<commands::Measure>,
    /// Column to sort by; -COLUMN for the reverse order.
    #[arg(long, short, value_name = "COLUMN", allow_hyphen_values = true)]
    pub(crate) sort: Option<commands::MeasureOrder>,
    /// No header.
    #[arg(long, short = 'H', conflicts_with = "json")]
    pub(crate) no_header: bool,
    /// As JSON; with --watch a line each time.
    #[arg(long, conflicts_with_all = ["output", "sort"])]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Top {
    /// How long until it is drawn anew.
    #[arg(long, short, value_name = "SECS", default_value = "1")]
    pub(crate) delay: Timespan,
}

#[derive(Debug, Args)]
pub(crate) struct Show {
    /// Name or number of the VE.
    #[arg(value_name = "VE")]
    pub(crate) ve: VeRef,
    /// As JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What a script may go by.
const DOCTOR: &str = "\
The exit status is 1 where something is too small. Without --fix nothing is changed; with it
/etc/sysctl.d/60-veld.conf keeps what was raised. Firewalls are looked at and never changed.";

#[derive(Debug, Args)]
pub(crate) struct HostShow {
    #[command(subcommand)]
    pub(crate) look: Option<HostLook>,
    /// As JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum HostLook {
    /// Tell what of the host is too small for how many VEs, and what is in their way.
    #[command(after_help = DOCTOR)]
    Doctor(HostDoctor),
}

#[derive(Debug, Args)]
pub(crate) struct HostDoctor {
    /// Raise what is too small, now and at every later boot.
    #[arg(long)]
    pub(crate) fix: bool,
    /// For so many VEs; twice as many as there are unless given, and 100 at least.
    #[arg(long, value_name = "COUNT", value_parser = count)]
    pub(crate) ves: Option<u64>,
    /// As JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Logs {
    /// Name or number of the VE.
    #[arg(value_name = "VE")]
    pub(crate) ve: VeRef,
    /// Go on with what is written, until the VE ends.
    #[arg(long, short)]
    pub(crate) follow: bool,
    /// Only the last N lines.
    #[arg(long, short = 'n', value_name = "N", value_parser = whole, allow_negative_numbers = true)]
    pub(crate) lines: Option<usize>,
    /// As it was written, control characters and all.
    #[arg(long)]
    pub(crate) raw: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Events {
    /// Names or numbers of VEs; all unless given.
    #[arg(value_name = "VE")]
    pub(crate) ves: Vec<VeRef>,
    /// Go on with what happens, until Ctrl-C.
    #[arg(long, short)]
    pub(crate) follow: bool,
    /// As JSON, an object per line.
    #[arg(long)]
    pub(crate) json: bool,
}

fn whole(text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| {
        let quoted = veld_units::Quoted(text);
        format!("{quoted} is not a whole number: allowed is 0 or more")
    })
}

fn count(text: &str) -> Result<u64, String> {
    text.parse().ok().filter(|&ves| ves > 0).ok_or_else(|| {
        let quoted = veld_units::Quoted(text);
        format!("{quoted} is not a number of VEs: allowed is 1 or more")
    })
}
