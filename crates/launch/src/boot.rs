//! PID 1 of a VE: cloned early, so that its namespaces exist while the parent
//! prepares what they are to hold, and let go when all is ready.

use std::ffi::CString;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::time::Duration;

use veld_cgroups::Entry as CgroupEntry;
use veld_namespaces::{IdRange, Table, limit_tables};
use veld_privileges::{Bounds, Creator, become_root, plain_start, refuse_calls, withhold};
use veld_protocol::boot::{CHANNEL, Stage};
use veld_rootfs::CgroupTree;
use veld_sys::descriptor::exec_with;
use veld_sys::process::{Child, Forked, Namespaces, clone_into, exit_now};
use veld_sys::{Context, Failure};

use crate::channel::{ChildEnd, ParentEnd, pair};
use crate::error::Error;
use crate::guest_files::Names;
use crate::steps::{self, Step, walk};

/// How long the child may take from "go" to its program.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a killed child may take to go.
const DYING: Duration = Duration::from_secs(5);

/// Everything PID 1 is told before it is cloned.
#[derive(Debug)]
pub struct Birth {
    /// Host ids behind its users and groups.
    pub ids: IdRange,
    /// The way into its cgroups.
    pub cgroup: CgroupEntry,
    /// What it finds of cgroups.
    pub cgroup_tree: CgroupTree,
    /// Where mounts are added to its root that wait on the stage.
    pub mounts: Vec<PathBuf>,
    /// Host name and what goes with it.
    pub names: Names,
    /// What each of its processes may have, and its badness.
    pub bounds: Bounds,
    /// How far each of its users may fill tables of the kernel.
    pub tables: Vec<Table>,
    /// The program, open; nothing in the VE can name it.
    pub program: OwnedFd,
    /// Its arguments, the first being its name.
    pub arguments: Vec<CString>,
    /// Its whole environment.
    pub environment: Vec<CString>,
}

/// A child that waits in its new namespaces for the parent.
///
/// Dropping it without [`go`](Self::go) kills it.
#[derive(Debug)]
pub struct Born {
    child: Option<Child>,
    channel: ParentEnd,
}

/// Clones PID 1 into new user, pid, network, uts and ipc namespaces and maps
/// its ids. Its mount namespace and its working directory are still the
/// caller's: the former must be a private one, the latter the stage. It makes
/// its own copy of the mounts when it is let go.
///
/// The caller acts as the owner of the ids: whoever creates a user namespace
/// pays for what is made in it.
///
/// # Errors
/// Those of clone3(2), named; ENOSPC past the host's limits of namespaces.
pub fn boot(birth: Birth) -> Result<Born, Error> {
    let (ours, theirs) = pair()?;
    let new = Namespaces {
        user: true,
        pid: true,
        net: true,
        uts: true,
        ipc: true,
        ..Namespaces::default()
    };
    let creator = Creator::assume(birth.ids.first())?;
    let cloned = clone_into(new, birth.cgroup.v2());
    if matches!(cloned, Ok(Forked::Child)) {
        drop(ours);
        run(&OnTheWay {
            birth,
            channel: theirs,
        });
    }
    creator.restore()?;
    let child = match cloned.context(|| "create namespaces")? {
        Forked::Parent(child) => child,
        Forked::Child => exit_now(1),
    };
    let born = Born {
        child: Some(child),
        channel: ours,
    };
    birth.ids.map(born.child().pid)?;
    Ok(born)
}

impl Born {
    /// The process, as its parent knows it.
    #[must_use]
    pub fn child(&self) -> &Child {
        // Only `go`, which consumes self, takes it.
        match &self.child {
            Some(child) => child,
            None => unreachable!("a born child is taken by go alone"),
        }
    }

    /// A namespace of the child's: `user`, `net`.
    ///
    /// # Errors
    /// Names the file.
    pub fn namespace(&self, kind: &str) -> Result<OwnedFd, Failure> {
        let child = self.child();
        veld_namespaces::open(child.pid.as_raw_nonzero().get(), kind, child.pidfd.as_fd())
    }

    /// Lets the child enter its root and execute its program; returns once that
    /// has closed its end of the channel: see [`veld_protocol::boot`].
    ///
    /// # Errors
    /// The step that failed; the child is dead and reaped then.
    pub fn go(mut self) -> Result<Child, Error> {
        self.channel.go()?;
        self.channel.outcome(self.child(), PATIENCE)?;
        match self.child.take() {
            Some(child) => Ok(child),
            None => unreachable!("a born child is taken by go alone"),
        }
    }
}

impl Drop for Born {
    fn drop(&mut self) {
        if let Some(child) = &self.child {
            // SIGKILL of PID 1 ends its namespace, and the wait is short.
            child.end(DYING);
        }
    }
}

/// What PID 1 knows until it is veld-init. Nothing in it is dropped: the process
/// ends by exec or at once.
struct OnTheWay {
    birth: Birth,
    channel: ChildEnd,
}

/// What PID 1 does between clone and exec, in this order.
const STEPS: [Step<OnTheWay>; 13] = [
    // First, while /proc is the host's.
    Step(|way| plain_start(&way.birth.bounds)),
    // The descriptors were opened by the host's root, whose right to them counts.
    Step(|way| way.birth.cgroup.join_v1()),
    // From the new root on paths are the VE's, and could lead through /proc/self/fd
    // to whatever is open.
    Step(|way| {
        veld_sys::exec::close_all_but(&[way.channel.as_fd(), way.birth.program.as_fd()])
            .context(|| "close descriptors")
    }),
    // From here on this process can do no more to the host than any user.
    Step(|_| become_root()),
    Step(|_| steps::new_key_ring()),
    // Born in its cgroup, it must make the namespace afterwards for the
    // namespace's root to be that cgroup; likewise the mounts, for the locks.
    Step(|_| steps::copy_mounts_and_root_cgroups()),
    Step(|way| veld_rootfs::enter(way.birth.cgroup_tree, &way.birth.mounts)),
    Step(|_| steps::own_boot_id()),
    Step(|way| way.birth.names.establish()),
    Step(|way| limit_tables(&way.birth.tables)),
    Step(|_| steps::console_as_stdio()),
    // Last but one: it takes CAP_SYS_ADMIN, and the steps before may make any
    // call, of which the new key ring is one that is refused from here on.
    Step(|_| refuse_calls()),
    // Last but for the program: the steps before need capabilities.
    Step(|_| withhold()),
];

fn run(way: &OnTheWay) -> ! {
    let OnTheWay { birth, channel } = way;
    if channel.wait().is_none() {
        exit_now(1);
    }
    if let Err(failure) = walk(&STEPS, way) {
        channel.failed(Stage::Preparing, &failure);
        exit_now(1);
    }
    channel.executing();
    // veld-init takes its end of the channel along: the distribution's init is
    // what the parent waits for.
    let (program, end) = (birth.program.as_fd(), [channel.as_fd()]);
    let cause = exec_with(program, &birth.arguments, &birth.environment, CHANNEL, &end);
    channel.failed(Stage::Executing, &Failure::new("execute veld-init", cause));
    exit_now(1)
}
