//! On a host whose cgroup tree is kept by systemd: a part of it that is ours.
//!
//! systemd is the only one to write to the tree, but for parts that it has handed
//! over, which are units with `Delegate=yes`. So the groups of all VEs are below
//! one such unit, that the first start on a host asks for and that is there until
//! the host goes down. It is right below the root, as it is where there is no
//! systemd, so that VEs share the host with its services as equals of all of those
//! together.
//!
//! systemd takes the group of a unit away when its last process has ended, and a
//! group with a process in it hands no controller down. So the unit has one process,
//! which sleeps, in the group below its own where shims go that have no VE.
//!
//! Where controllers are on v1 systemd hands nothing over that would hold, and
//! groups of others beside its own have always been there.

use std::io;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use veld_cgroups::Host as Cgroups;
use veld_sys::{Context, Failure};

/// The unit, and the name of its group.
pub(crate) const NAME: &str = "veld-ves.service";

/// How long systemd may take to start it: it may have other things to do first, when
/// the host boots.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often is looked whether it has.
const LOOK: Duration = Duration::from_millis(5);

/// There where systemd is PID 1: sd_booted(3).
const BOOTED: &str = "/run/systemd/system";

/// Whether systemd keeps the tree that these groups are in.
pub(crate) fn keeps_tree(cgroups: &Cgroups) -> bool {
    cgroups.is_unified() && Path::new(BOOTED).is_dir()
}

/// Starts the unit, which takes as long as systemd needs for it.
///
/// # Errors
/// systemd-run(1) could not be executed, said why not, or took too long.
///
/// # Kernel
/// None of the kernel's; systemd.resource-control(5), `Delegate=`, and
/// <https://systemd.io/CGROUP_DELEGATION>.
pub(crate) fn start() -> Result<(), Failure> {
    #[expect(
        clippy::disallowed_methods,
        reason = "once for a host and not for each VE; the bus is spoken by systemd's own tool"
    )]
    let child = Command::new("systemd-run")
        .args(arguments())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .context(|| "execute systemd-run")?;
    let output = output_by(child, PATIENCE).context(|| format!("have systemd start {NAME}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.lines().next().unwrap_or("it said nothing").to_owned();
    Err(Failure::new(
        format!("have systemd start {NAME}"),
        std::io::Error::other(said),
    ))
}

/// What a child that says little has said when it has ended.
fn output_by(mut child: Child, patience: Duration) -> io::Result<Output> {
    let deadline = Instant::now() + patience;
    while child.try_wait()?.is_none() {
        if Instant::now() >= deadline {
            child.kill()?;
            child.wait()?;
            let late = format!("it took more than {} s", patience.as_secs_f64());
            return Err(io::Error::new(io::ErrorKind::TimedOut, late));
        }
        std::thread::sleep(LOOK);
    }
    child.wait_with_output()
}

/// Goes to its place, says so, and sleeps.
const PLACEHOLDER: &str = "cd \"/sys/fs/cgroup$(cut -d: -f3 /proc/self/cgroup)\" && mkdir -p .veld \
     && echo $$ >.veld/cgroup.procs && systemd-notify --ready && exec sleep infinity";

fn arguments() -> [String; 14] {
    let property = |text: &str| format!("--property={text}");
    [
        "--quiet".to_owned(),
        format!("--unit={NAME}"),
        "--slice=-.slice".to_owned(),
        "--description=Virtual environments of Veld".to_owned(),
        property("Type=notify"),
        property("NotifyAccess=all"),
        property("Delegate=yes"),
        // Without the process that sleeps VEs go on as they are.
        property("KillMode=process"),
        property("OOMScoreAdjust=-900"),
        // What bounds VEs is set for each of them.
        property("TasksMax=infinity"),
        // An end for want of memory inside a VE is not the unit's.
        property("OOMPolicy=continue"),
        "sh".to_owned(),
        "-c".to_owned(),
        PLACEHOLDER.replace('$', "$$"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Child {
        #[expect(clippy::disallowed_methods, reason = "a child like systemd-run")]
        let mut command = Command::new("sh");
        let command = command.args(["-c", script]).stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    #[test]
    fn nobody_waits_for_ever_for_systemd() {
        let said = output_by(shell("echo no >&2; exit 3"), PATIENCE).unwrap();
        assert_eq!(
            (said.status.code(), &said.stderr[..]),
            (Some(3), &b"no\n"[..])
        );
        let late = output_by(shell("exec sleep 1000"), Duration::from_millis(20)).unwrap_err();
        assert_eq!(late.to_string(), "it took more than 0.02 s");
    }
}
