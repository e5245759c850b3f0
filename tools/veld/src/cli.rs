//! The command line as data: what may be said, and what each word means.

use std::ffi::OsString;
use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use veld_config::{
    Dns, Hostname, Init, Mode, RestartPolicy, TemplateName, VeName, VeRef, parameter,
};
use veld_templates::BuildInit;
use veld_units::{Bytes, Count, CpuUnits, Percent, Timespan};

use crate::commands;
use crate::signal::SignalNumber;

/// Virtual environments (VEs): full, unmodified Linux distributions on one kernel.
#[derive(Debug, Parser)]
#[command(
    name = "veld",
    version,
    after_help = "\
Examples:
  veld template build debian
  veld create web1 --template debian --ram 512M && veld start web1 --wait
  veld enter web1"
)]
pub(crate) struct Cli {
    /// Tell each step on standard error before it is done.
    #[arg(long, global = true, display_order = 1000)]
    pub(crate) debug: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Create a VE from a template.
    #[command(after_help = "What is not limited here may use what the host has.")]
    Create(Create),
    /// Start VEs.
    Start(Start),
    /// Start the VEs that are to start with the host, the least boot order first.
    #[command(
        after_help = "What starts the host calls this; VEs that run already are passed over."
    )]
    Autostart(Autostart),
    /// Stop VEs: ask them to shut down, then kill what is left.
    Stop(Stop),
    /// Stop VEs and start them again.
    Restart(Restart),
    /// Open a login shell in a VE.
    #[command(after_help = STATUS)]
    Enter(Enter),
    /// Run a command in a VE.
    #[command(after_help = STATUS)]
    Exec(Exec),
    /// List VEs: those that run, or all.
    #[command(after_help = COLUMNS)]
    List(List),
    /// Show all about a VE.
    Show(Show),
    /// Attach to the console of a VE; Ctrl-] three times or ~. detaches.
    Console(One),
    /// Show what a VE has written to its console.
    Logs(Logs),
    /// Show what happened to VEs: starts and ends, and limits that were reached.
    Events(Events),
    /// Send a signal to PID 1 of VEs.
    #[command(
        after_help = "A VE that ends of it is started again where its restart policy says so."
    )]
    Kill(Kill),
    /// Destroy VEs with all their files.
    Destroy(Destroy),
    /// Build, import, list and remove OS templates.
    #[command(subcommand)]
    Template(Template),
    /// Tidy up after a VE that has ended by itself; its shim calls this.
    #[command(name = veld_protocol::shim::AFTER_END, hide = true)]
    AfterEnd(One),
}

/// What a table may have, and what an empty one is.
const COLUMNS: &str = "\
Columns: name, id, status, since, ip, template, hostname, pid, uptime, onboot.
With no VE to list the table is its header alone, and the exit status is 0.";

/// What Debian can boot with.
const INITS: &str = "\
Inits: systemd; sysvinit; openrc, run by sysvinit; openrc-init; runit; finit; busybox, with the
services of sysvinit; none.";

/// What a script may go by.
const STATUS: &str = "\
The exit status is the program's own, or 128 and the number of the signal that killed it. It is
125 if veld itself failed, 126 if the program cannot be executed, 127 if it was not found, and 2 if
the words after veld make no sense.";

/// Which VEs.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Which {
    /// Names or numbers of VEs.
    #[arg(value_name = "VE")]
    pub(crate) ves: Vec<VeRef>,
    /// All VEs.
    #[arg(long)]
    pub(crate) all: bool,
}

#[derive(Debug, Args)]
pub(crate) struct One {
    /// Name or number of the VE.
    #[arg(value_name = "VE")]
    pub(crate) ve: VeRef,
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// Name of the new VE: at most 63 of a-z, 0-9 and -.
    pub(crate) name: VeName,
    /// The template to create it from.
    #[arg(long, short)]
    pub(crate) template: TemplateName,
    /// Memory, as 512M or 2G.
    #[arg(long, value_name = "SIZE", value_parser = parameter::ram, allow_negative_numbers = true)]
    pub(crate) ram: Option<Bytes>,
    /// Swap space besides memory, as 256M; 0 for none.
    #[arg(long, value_name = "SIZE", value_parser = parameter::swap, allow_negative_numbers = true)]
    pub(crate) swap: Option<Bytes>,
    /// CPUs it sees.
    #[arg(long, value_name = "N", value_parser = parameter::cpus, allow_negative_numbers = true)]
    pub(crate) cpus: Option<Count>,
    /// Weight of its CPU time against other VEs; 1000 is usual.
    #[arg(long, value_name = "UNITS", allow_negative_numbers = true)]
    pub(crate) cpuunits: Option<CpuUnits>,
    /// CPU time at most, in per cent of one CPU, as 150%.
    #[arg(long, value_name = "PERCENT", allow_negative_numbers = true)]
    pub(crate) cpulimit: Option<Percent>,
    /// Processes and threads at most.
    #[arg(long, value_name = "N", value_parser = parameter::processes, allow_negative_numbers = true)]
    pub(crate) processes: Option<Count>,
    /// Its host name; the name of the VE unless given.
    #[arg(long)]
    pub(crate) hostname: Option<Hostname>,
    /// IP address, repeatable; one of each pool of the host unless given.
    #[arg(long, value_name = "ADDRESS", value_parser = parameter::address)]
    pub(crate) ip: Vec<IpAddr>,
    /// Name server, repeatable; "host" for those of the host.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) dns: Vec<Dns>,
    /// How it is connected to the network: routed or none.
    #[arg(long, value_name = "MODE", default_value = "routed")]
    pub(crate) network: Mode,
    /// Start it with the host.
    #[arg(long)]
    pub(crate) onboot: bool,
    /// Its place among those with --onboot; the least is first.
    #[arg(long, value_name = "N", default_value = "0", value_parser = parameter::boot_order, allow_negative_numbers = true)]
    pub(crate) bootorder: i32,
    /// After which ends it starts again: no, on-failure, always.
    #[arg(long, value_name = "POLICY", default_value = "no", value_parser = parameter::restart)]
    pub(crate) restart: RestartPolicy,
    /// Its init: auto, hand-over, supervise or a path.
    #[arg(long, value_name = "INIT", default_value = "auto")]
    pub(crate) init: Init,
    /// Run its getty units and lines too.
    #[arg(long)]
    pub(crate) getty: bool,
}

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
pub(crate) struct Kill {
    #[command(flatten)]
    pub(crate) which: Which,
    /// Name or number of the signal, as TERM, SIGHUP, 9, RTMIN+4.
    #[arg(long, short, value_name = "SIGNAL", default_value = "KILL")]
    pub(crate) signal: SignalNumber,
}

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
pub(crate) struct Show {
    /// Name or number of the VE.
    #[arg(value_name = "VE")]
    pub(crate) ve: VeRef,
    /// As JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Exec {
    /// Name or number of the VE.
    #[arg(value_name = "VE")]
    pub(crate) ve: VeRef,
    /// As this user: NAME, UID or UID:GID of the VE.
    #[arg(long, short, value_name = "USER")]
    pub(crate) user: Option<String>,
    /// In this directory; the user's home unless given.
    #[arg(long, short = 'w', value_name = "DIR")]
    pub(crate) workdir: Option<OsString>,
    /// One more variable of the environment, repeatable.
    #[arg(long, short, value_name = "K=V", value_parser = variable)]
    pub(crate) env: Vec<String>,
    /// On a terminal of the VE's, even if the caller has none.
    #[arg(long, short)]
    pub(crate) tty: bool,
    /// On no terminal, even if the caller has one.
    #[arg(long, short = 'T', conflicts_with = "tty")]
    pub(crate) no_tty: bool,
    /// The command and its arguments.
    #[arg(
        value_name = "COMMAND",
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    pub(crate) command: Vec<OsString>,
}

#[derive(Debug, Args)]
pub(crate) struct Enter {
    /// Name or number of the VE.
    #[arg(value_name = "VE")]
    pub(crate) ve: VeRef,
    /// As this user: NAME, UID or UID:GID of the VE.
    #[arg(long, short, value_name = "USER")]
    pub(crate) user: Option<String>,
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

#[derive(Debug, Args)]
pub(crate) struct Destroy {
    #[command(flatten)]
    pub(crate) which: Which,
    /// Kill it first if it runs.
    #[arg(long, short)]
    pub(crate) force: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Template {
    /// Build a template of Debian with mmdebstrap(1).
    #[command(after_help = INITS)]
    Build(Build),
    /// Import a directory or a tar archive, compressed or not, as a template.
    Import(Import),
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

fn whole(text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| {
        let quoted = veld_units::Quoted(text);
        format!("{quoted} is not a whole number: allowed is 0 or more")
    })
}

fn variable(text: &str) -> Result<String, String> {
    match text.split_once('=') {
        Some((key, _)) if !key.is_empty() && !text.contains('\0') => Ok(text.to_owned()),
        _ => Err(format!(
            "{} is not a variable: allowed is K=V",
            veld_units::Quoted(text)
        )),
    }
}
