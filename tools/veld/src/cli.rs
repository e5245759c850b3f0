//! The command line as data: what may be said, and what each word means.

mod enter;
mod files;
mod lifecycle;
mod look;
mod net;
mod quota;
mod remote;
mod snapshot;
mod template;
mod volume;

use clap::{Args, Parser, Subcommand};
use veld_config::{Assignment, TemplateName, VeName, VeRef};
use veld_supervisor::Layout;

use crate::settings::Settings;

pub(crate) use enter::{Enter, Exec};
pub(crate) use files::{Cp, Mount, Place};
pub(crate) use lifecycle::{Autostart, Kill, Pause, Restart, Resume, Start, Stop};
pub(crate) use look::{Events, HostDoctor, HostLook, HostShow, List, Logs, Show, Stats, Top};
pub(crate) use net::{Net, NetList, NetShow};
pub(crate) use quota::{Quota, QuotaAction, QuotaSet};
pub(crate) use remote::{TemplatePull, TemplateRemotes, TemplateSearch, TemplateUpdate};
pub(crate) use snapshot::{
    Clone, Rename, Snapshot, SnapshotCreate, SnapshotList, SnapshotOne, SnapshotRunDue,
    TemplateFrom,
};
pub(crate) use template::{
    Build, Import, Template, TemplateGc, TemplateList, TemplateShow, TemplateVersion,
};
pub(crate) use volume::{Volume, VolumeList, VolumeShow};

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
    /// Freeze all processes of VEs where they are.
    #[command(after_help = PAUSED)]
    Pause(Pause),
    /// Let paused VEs run on.
    Resume(Resume),
    /// Open a login shell in a VE.
    #[command(after_help = STATUS)]
    Enter(Enter),
    /// Run a command in a VE.
    #[command(after_help = STATUS)]
    Exec(Exec),
    /// List VEs: those that run, or all.
    #[command(after_help = COLUMNS)]
    List(List),
    /// Change what a VE may have, in its config and while it runs.
    #[command(after_help = SET)]
    Set(Set),
    /// Show all about a VE.
    Show(Show),
    /// Show what the host has, has promised to VEs and has in use.
    #[command(args_conflicts_with_subcommands = true)]
    Host(HostShow),
    /// Show what running VEs use: CPU, memory, disks, network, processes.
    #[command(after_help = MEASURES)]
    Stats(Stats),
    /// Show what running VEs and their processes use, on a full screen.
    #[command(after_help = KEYS)]
    Top(Top),
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
    /// Copy files into a VE, out of one, or from one to another.
    #[command(after_help = files::COPIES)]
    Cp(Cp),
    /// Show the root of a VE at a path of the host, read-only, and print the path.
    #[command(after_help = files::LOOKS)]
    Mount(Mount),
    /// Take away what mount has made.
    Umount(One),
    /// Copy a VE, or what it was in a snapshot.
    #[command(after_help = snapshot::CLONE)]
    Clone(Clone),
    /// Give a VE that does not run another name.
    Rename(Rename),
    /// Make, list, restore and delete snapshots of VEs.
    #[command(subcommand)]
    Snapshot(Snapshot),
    /// List and set what users and groups inside a VE may have on its disk.
    #[command(after_help = quota::QUOTAS)]
    Quota(Quota),
    /// Show how files of VEs can be kept on this host.
    #[command(after_help = LAYOUTS)]
    Storage(StorageShow),
    /// Move the files of a stopped VE to another layout.
    Convert(Convert),
    /// Make, list, resize and remove volumes, which several VEs may share.
    #[command(subcommand, after_help = volume::VOLUMES)]
    Volume(Volume),
    /// Build, pull, import, list and remove OS templates.
    #[command(subcommand)]
    Template(Template),
    /// List, show and repair how VEs are connected.
    #[command(subcommand)]
    Net(Net),
    /// Tidy up after a VE that has ended by itself; its shim calls this.
    #[command(name = veld_protocol::shim::AFTER_END, hide = true)]
    AfterEnd(One),
    /// Remove what was thrown away; commands that throw away call this.
    #[command(name = veld_supervisor::TRASH, hide = true)]
    Trash,
    /// Look after what a VE has moved over its links; its shim calls this.
    #[command(name = veld_protocol::shim::ACCOUNT, hide = true)]
    Account(One),
}

/// What to expect of a paused VE.
const PAUSED: &str = "\
A paused VE keeps its memory and addresses and uses no CPU time. Where a process cannot be frozen
in time it is named, and the VE goes on. One that is paused already is an error, but with --all.";

/// What a table may have, and what an empty one is.
const COLUMNS: &str = "\
Columns: name, id, status, since, ip, template, hostname, pid, uptime, onboot, snapshots, disk.
DISK is what is in use, of what the VE may have, where somebody counts it.
With no VE to list the table is its header alone, and the exit status is 0.";

/// What a person tries first.
const SET: &str = "\
Examples:
  veld set web1 ram=1G cpuunits=2000
  veld set web1 ram=400M:512M            slowed down above 400M, 512M at most
  veld set web1 --runtime cpulimit=50%
  veld set web1 dns+=192.0.2.53 cpulimit=
  veld set web1 ip+=10.0.0.7 publish+=8080:80
  veld set web1 net.eth1=bridge:br0,ip=10.1.1.2/24 net.eth1.mtu=1400
All of it is set or nothing is. veld set --list tells every key.";
/// What the numbers of a table of use mean.
const MEASURES: &str = "\
CPU% is measured over 100 ms, with --watch over its interval; 100 is one processor. MEM is all that
is charged, page cache (FILE) included; MEM% is of the limit, or of the host's memory. READ, WRITE,
RX and TX are bytes since the start, as the VE counts; MONTH and TOTAL both together, of all its
runs this month (UTC) and ever. PSI-… is the part of the last ten seconds in which some process
waited. What the host does not tell is - and null.
--json is one look, of counters since the start, which whoever reads it compares.
Columns: name, id, status, uptime, cpu%, cputime, throttled, mem, limit, mem%, swap, anon, file,
shmem, kernel, sock, oom, read, write, reads, writes, rx, tx, rxpkts, txpkts, month, total, procs,
psi-cpu, psi-mem, psi-io, disk, disk-limit, inodes.";

/// What can be done on the full screen.
const KEYS: &str = "\
Keys: c, m, i, n, p sort by CPU, memory, I/O, network and processes, the left and right arrows by
the next, r reverses; / shows only VEs with what is typed in their names; Enter shows the processes
of a VE and Esc goes back; q or Ctrl-C quits. 100 in CPU% is one processor.";

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
    /// How its files are kept, see veld storage; the host's unless given.
    #[arg(long, value_parser = layout)]
    pub(crate) layout: Option<Layout>,
    #[command(flatten)]
    pub(crate) settings: Settings,
}

/// What the layouts are.
const LAYOUTS: &str = "\
Layouts: overlay, a layer of the VE's own over its template; btrfs, a subvolume; image, a file
system in a file; directory, a plain copy. veld create --layout chooses one, [storage] layout of
veld.toml for all others, and veld convert moves a VE.";

#[derive(Debug, Args)]
pub(crate) struct StorageShow {
    /// As JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Convert {
    /// Name or number of the VE.
    #[arg(value_name = "VE")]
    pub(crate) ve: VeRef,
    /// The layout that it is to have.
    #[arg(long, value_parser = layout)]
    pub(crate) layout: Layout,
}

/// The layout of this name.
fn layout(text: &str) -> Result<Layout, String> {
    text.parse()
        .map_err(|refusal: veld_supervisor::LayoutRefusal| refusal.to_string())
}

#[derive(Debug, Args)]
pub(crate) struct Set {
    /// Name or number of the VE.
    #[arg(value_name = "VE", required_unless_present = "list")]
    pub(crate) ve: Option<VeRef>,
    /// What is to be set: KEY=VALUE, KEY= to unset it, LIST+=VALUE, LIST-=VALUE.
    #[arg(value_name = "KEY=VALUE", required_unless_present = "list")]
    pub(crate) settings: Vec<Assignment>,
    /// For this run alone; the config stays as it is.
    #[arg(long)]
    pub(crate) runtime: bool,
    /// Also limits below what is in use: memory is reclaimed, or processes killed for it.
    #[arg(long, short)]
    pub(crate) force: bool,
    /// Tell every key, what holds it and when a new value counts.
    #[arg(long, conflicts_with_all = ["ve", "settings", "runtime", "force"])]
    pub(crate) list: bool,
    /// As JSON.
    #[arg(long, requires = "list")]
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
