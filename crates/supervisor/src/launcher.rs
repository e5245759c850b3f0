//! Starting a VE: the process that becomes its shim.
//!
//! The steps are in the order of this file. Up to the one that lets PID 1 go,
//! whatever fails or kills the launcher also ends PID 1, which waits for it.

use std::ffi::{CString, OsStr};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use std::time::Duration;

use veld_cgroups::Group;
use veld_launch::{Birth, Born, boot};
use veld_namespaces::PrivateMounts;
use veld_privileges::Creator;
use veld_protocol::event::What;
use veld_protocol::stamp::Stamp;
use veld_protocol::watched::Watched;
use veld_protocol::{init, shim};
use veld_rootfs::{Assembly, CgroupTree, RootDir, Stage, Terminal, Terminals};
use veld_state::{Process, Record};
use veld_sys::descriptor::exec_with;
use veld_sys::{Context, Failure};

use crate::devices;
use crate::error::Source;
use crate::files::Files;
use crate::guarantee;
use crate::mounts;
use crate::net;
use crate::plan::StartPlan;
use crate::report::Reporter;
use crate::undo::Undo;
use crate::ve::Ve;

/// How long the kernel may take to let a group go whose processes are dead.
const REMOVAL: Duration = Duration::from_secs(10);

const OWN_BADNESS: &str = "/proc/self/oom_score_adj";
/// On cgroup v2 the shim is in the VE's memory. Nothing is won where it is killed for
/// want of that, and it would be the first to go of a VE whose processes have a score
/// below 0. The next launcher takes this back before anything is born of it.
const NEVER_KILLED: i32 = -1000;

/// What PID 1 leaves open to the shim.
struct Ready {
    pidfd: OwnedFd,
    console: Terminal,
    clients: OwnedFd,
    notices: OwnedFd,
    program: OwnedFd,
    command: CString,
    watched: Vec<(Watched, OwnedFd)>,
    network: OwnedFd,
}

/// Starts the VE and becomes its shim. Returns only on failure, reported and
/// undone; what could not be undone is left to the next command.
pub(crate) fn launch(ve: &Ve<'_>, plan: &StartPlan, reporter: &Reporter) {
    let mut undo = Undo::new();
    let mut warnings = Vec::new();
    let source = match prepare(ve, plan, &mut undo, &mut warnings) {
        Ok(ready) => {
            // PID 1 runs its program: whoever waits need not wait for the shim to
            // run its own, which was found fit for that before.
            reporter.started(&warnings);
            attend(ve);
            ve.step("execute shim");
            become_shim(ve, &ready)
        }
        Err(source) => source,
    };
    ve.step("undo");
    let also = undo.run();
    reporter.failed(&source, &also);
    // For those who were told that it started, or whom nobody could tell.
    leave_reason(ve, &crate::error::chain(&source));
}

/// From now on the VE pays for what this process does. It goes there itself, which
/// takes the kernel a while on cgroup v2; so nobody waits for it, and there is nobody
/// to tell where it cannot be.
fn attend(ve: &Ve<'_>) {
    ve.step("join cgroup");
    let attended = ve.group().and_then(|group| group.attend());
    if let Err(error) = attended {
        tracing::debug!(ve = %ve.name, error = crate::error::chain(&error));
    }
    ve.step("spare shim");
    if let Err(failure) = veld_kernfs::write(Path::new(OWN_BADNESS), NEVER_KILLED) {
        tracing::debug!(ve = %ve.name, error = crate::error::chain(&failure));
    }
}

/// Leaves the reason of a failed start where `veld show` finds it.
pub(crate) fn leave_reason(ve: &Ve<'_>, reason: &str) {
    ve.run.tell(What::StartFailed(reason));
    let _ = veld_durable::replace(
        &ve.run.failure(),
        format!("{reason}\n").as_bytes(),
        veld_durable::Life::Volatile,
    );
}

fn prepare<'a>(
    ve: &'a Ve<'_>,
    plan: &'a StartPlan,
    undo: &mut Undo<'a>,
    warnings: &mut Vec<String>,
) -> Result<Ready, Source> {
    // What outlives the VE has nothing of it.
    undo.push(|| net::names::withdraw(ve));
    net::names::serve(ve, &plan.config)?;
    ve.step("leave caller");
    veld_privileges::leave_caller(&plan.bounds)?;
    undo.push(|| Ok(ve.run.clear()?));
    ve.step("prepare run directory");
    ve.run.prepare()?;
    ve.run.say_in_force(&plan.config.to_toml())?;
    let program = veld_rootfs::open_program(&ve.host.program(shim::PROGRAM))?;
    let command = own_path()?;

    let group = make_group(ve, plan, undo, warnings)?;
    ve.step("mount stage");
    let (mounts, stage) = mount_stage(ve, plan)?;
    ve.step("clone PID 1");
    let born = give_birth(ve, plan, &group)?;
    ve.step("assemble root");
    let (assembly, notices) = assemble(plan, &stage, &born)?;
    must_be_as_planned(ve, plan)?;
    add_mounts(ve, plan, &stage, &born)?;
    if !assembly.indexed {
        let warning = "the overlay has no index: file handles in the VE do not last";
        warnings.push(warning.to_owned());
    }
    let clients = veld_console::listen(ve.run.path(), shim::CONSOLE_SOCKET)?;
    ve.step("connect network");
    let guest = born.namespace("net")?;
    net::connect(ve, &plan.net, guest.as_fd(), undo, warnings)?;

    // PID 1 is there already, and has none of these.
    ve.step("watch limits");
    let watched = group.watched(shim::MOST_WATCHED)?;

    write_record(ve, plan, &born, &assembly)?;
    set_badness(plan, &born)?;
    ve.step("let PID 1 go");
    let child = born.go()?;
    mounts.leave()?;
    ve.run.strike_stage()?;
    ve.run.tell(What::Started(plan.restarts));
    Ok(Ready {
        pidfd: child.pidfd,
        console: assembly.console,
        clients,
        notices,
        program,
        command,
        watched,
        network: guest,
    })
}

/// Makes the VE's group, with all that it is held to.
fn make_group(
    ve: &Ve<'_>,
    plan: &StartPlan,
    undo: &mut Undo<'_>,
    warnings: &mut Vec<String>,
) -> Result<Group, Source> {
    ve.host.prepare_parent()?;
    let group = ve.group()?;
    undo.push({
        let group = group.clone();
        move || end_group(&group)
    });
    ve.step("create cgroup");
    group.create(&plan.limits, plan.id.get(), plan.ids.first())?;
    if plan.cgroup_tree == CgroupTree::Legacy {
        group.delegate_systemds(plan.ids.first())?;
    }
    guarantee::promise(ve, &group, &plan.limits)?;
    warnings.extend(missing_controllers(ve)?);
    warnings.extend(hold_to_devices(plan, &group)?);
    Ok(group)
}

fn write_record(
    ve: &Ve<'_>,
    plan: &StartPlan,
    born: &Born,
    assembly: &Assembly,
) -> Result<(), Source> {
    let record = Record {
        init: Process::of(born.child().pid.as_raw_nonzero().get())?,
        shim: Process::of(std::process::id().cast_signed())?,
        started: Stamp::now(),
        restarts: plan.restarts,
        policy: plan.policy,
        dev: Some((assembly.dev.device, assembly.dev.inode)),
    };
    ve.step("write record");
    Ok(record.write(&ve.run.record())?)
}

/// The path of the command that the shim executes when the VE has ended: of its
/// successor, where it was replaced while it ran.
pub(crate) fn own_path() -> Result<CString, Source> {
    let path = std::env::current_exe().context(|| "find the path of this program")?;
    let path = path.into_os_string().into_vec();
    let path = path
        .strip_suffix(b" (deleted)")
        .map(<[u8]>::to_vec)
        .unwrap_or(path);
    let path = CString::new(path).map_err(std::io::Error::from);
    Ok(path.context(|| "pass the path of this program")?)
}

fn end_group(group: &Group) -> Result<(), Source> {
    group.kill()?;
    Ok(group.remove(REMOVAL)?)
}

fn missing_controllers(ve: &Ve<'_>) -> Result<Option<String>, Source> {
    let missing = ve.host.cgroups()?.missing();
    let names: Vec<&str> = missing.iter().map(|controller| controller.name()).collect();
    let names = names.join(", ");
    Ok((!names.is_empty())
        .then(|| format!("this kernel has no cgroup controller for {names}: nothing limits it")))
}

/// Nobody is inside yet; the warning where no list can be held to.
fn hold_to_devices(plan: &StartPlan, group: &Group) -> Result<Option<String>, Source> {
    let held = group.allow_devices(&plan.devices.rules())?;
    Ok((!held).then(|| devices::UNHELD.to_owned()))
}

fn give_birth(ve: &Ve<'_>, plan: &StartPlan, group: &Group) -> Result<Born, Source> {
    Ok(boot(Birth {
        ids: plan.ids,
        cgroup: group.entry()?,
        cgroup_tree: plan.cgroup_tree,
        mounts: mounts::targets(&plan.mounts),
        names: plan.names.clone(),
        bounds: plan.bounds.clone(),
        tables: plan.tables.clone(),
        program: veld_rootfs::open_program(&ve.host.program(init::NAME))?,
        arguments: CString::new(init::NAME)
            .into_iter()
            .chain(plan.arguments.iter().cloned())
            .collect(),
        environment: plan.environment.clone(),
    })?)
}

/// Only the host's root may make a process less likely to be killed. The kernel
/// keeps root of the VE from going below what is set here.
fn set_badness(plan: &StartPlan, born: &Born) -> Result<(), Source> {
    let score = plan.bounds.oom_score_adj;
    if score == 0 {
        return Ok(());
    }
    let pid = born.child().pid;
    // A child of this process: its number is nobody else's.
    let file = format!("/proc/{pid}/oom_score_adj");
    Ok(veld_kernfs::write(Path::new(&file), score)?)
}

fn mount_stage(ve: &Ve<'_>, plan: &StartPlan) -> Result<(PrivateMounts, Stage), Source> {
    // Before this process has a mount namespace of its own: see there.
    let terminals = Terminals::make(plan.ids.first())?;
    let mounts = PrivateMounts::enter()?;
    let creator = Creator::assume(plan.ids.first())?;
    let stage = Stage::mount(&ve.run.stage(), terminals, plan.sizes.run)?;
    creator.restore()?;
    Ok((mounts, stage))
}

/// Builds the root file system as the owner of the VE's ids.
fn assemble(plan: &StartPlan, stage: &Stage, born: &Born) -> Result<(Assembly, OwnedFd), Source> {
    let user_namespace = born.namespace("user")?;
    let layers = plan.files.layers();
    let creator = Creator::assume(plan.ids.first())?;
    let nodes = plan.devices.nodes();
    let user_namespace = user_namespace.as_fd();
    let assembly = Assembly::build(stage, layers, user_namespace, plan.sizes.shm, &nodes)
        .map_err(Source::RootFs)?;
    let notices = assembly.notices()?;
    creator.restore()?;
    Ok((assembly, notices))
}

/// Refuses a root whose template was updated since the plan was made: what was mounted
/// by its name may be another tree.
fn must_be_as_planned(ve: &Ve<'_>, plan: &StartPlan) -> Result<(), Source> {
    if Files::of(ve)? == plan.files {
        return Ok(());
    }
    let fact = "its template was updated just now; start it again".to_owned();
    Err(Source::Refused(fact))
}

/// Puts what is mounted in the VE besides on the stage, where PID 1 takes it from.
fn add_mounts(ve: &Ve<'_>, plan: &StartPlan, stage: &Stage, born: &Born) -> Result<(), Source> {
    if plan.mounts.is_empty() {
        return Ok(());
    }
    let users = born.namespace("user")?;
    let made = mounts::make_first(ve, &plan.mounts, users.as_fd(), plan.memory)?;
    Ok(stage.shelve(&made)?)
}

/// Executes the shim over this process; returns why it could not.
fn become_shim(ve: &Ve<'_>, ready: &Ready) -> Source {
    let directory = match RootDir::open(ve.run.path()) {
        Ok(directory) => directory,
        Err(failure) => return failure.into(),
    };
    let command = ready.command.to_string_lossy();
    let words = ready.watched.iter().map(|(what, _)| what.to_string());
    let arguments = shim::arguments(ve.name.as_str(), &command).map(str::to_owned);
    let arguments = arguments.into_iter().chain(words).flat_map(CString::new);
    let arguments: Vec<CString> = arguments.collect();
    let mut descriptors = vec![
        ready.pidfd.as_fd(),
        ready.console.master.as_fd(),
        ready.clients.as_fd(),
        ready.notices.as_fd(),
        directory.as_fd(),
        ready.console.slave.as_fd(),
        ready.network.as_fd(),
    ];
    descriptors.extend(ready.watched.iter().map(|(_, file)| file.as_fd()));
    let program = ready.program.as_fd();
    let cause = exec_with(
        program,
        &arguments,
        &environment(),
        shim::FIRST_DESCRIPTOR,
        &descriptors,
    );
    Failure::new(format!("execute {}", shim::PROGRAM), cause).into()
}

/// What the shim passes on to the launcher of the next boot.
pub(crate) fn environment() -> Vec<CString> {
    let kept = |key: &OsStr| key == "PATH" || key.as_bytes().starts_with(b"VELD_");
    std::env::vars_os()
        .filter(|(key, _)| kept(key))
        .filter_map(|(key, value)| {
            CString::new([key.as_bytes(), b"=", value.as_bytes()].concat()).ok()
        })
        .collect()
}
