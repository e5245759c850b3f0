//! On a host whose cgroup tree is kept by systemd: a part of it that is ours.
//!
//! systemd is the only one to write to the tree, but for parts that it has handed
//! over, which are units with `Delegate=yes`. So the groups of all VEs are below
//! one such unit, without a process of its own, that the first start on a host
//! asks for and that is there until the host goes down. It is right below the
//! root, as it is where there is no systemd, so that VEs share the host with its
//! services as equals of all of those together.
//!
//! Where controllers are on v1 systemd hands nothing over that would hold, and
//! groups of others beside its own have always been there.

use std::path::Path;
use std::process::{Command, Stdio};

use veld_cgroups::Host as Cgroups;
use veld_sys::{Context, Failure};

/// The unit, and the name of its group.
pub(crate) const NAME: &str = "veld-ves.service";

/// There where systemd is PID 1: sd_booted(3).
const BOOTED: &str = "/run/systemd/system";

/// Whether systemd keeps the tree that these groups are in.
pub(crate) fn keeps_tree(cgroups: &Cgroups) -> bool {
    cgroups.is_unified() && Path::new(BOOTED).is_dir()
}

/// Starts the unit, which takes as long as systemd needs for it.
///
/// # Errors
/// systemd-run(1) could not be executed, or said why not.
///
/// # Kernel
/// None of the kernel's; systemd.resource-control(5), `Delegate=`, and
/// <https://systemd.io/CGROUP_DELEGATION>.
pub(crate) fn start() -> Result<(), Failure> {
    #[expect(
        clippy::disallowed_methods,
        reason = "once for a host and not for each VE; the bus is spoken by systemd's own tool"
    )]
    let output = Command::new("systemd-run")
        .args(arguments())
        .stdin(Stdio::null())
        .output()
        .context(|| "execute systemd-run")?;
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

fn arguments() -> [String; 10] {
    let property = |text: &str| format!("--property={text}");
    [
        "--quiet".to_owned(),
        format!("--unit={NAME}"),
        "--slice=-.slice".to_owned(),
        "--description=Virtual environments of Veld".to_owned(),
        "--remain-after-exit".to_owned(),
        property("Type=oneshot"),
        property("Delegate=yes"),
        // What bounds VEs is set for each of them.
        property("TasksMax=infinity"),
        // An end for want of memory inside a VE is not the unit's.
        property("OOMPolicy=continue"),
        "true".to_owned(),
    ]
}
