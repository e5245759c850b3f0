//! What the tests stand on: groups under a parent of this process's own that
//! are gone afterwards, and children that can be told what to do.

use std::os::fd::{AsFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Signal, WaitId, WaitIdOptions, WaitIdStatus, pidfd_send_signal, waitid};
use veld_cgroups::{Controller, Entry, Error, Group, Host, Limits};
use veld_kernfs::mountinfo;
use veld_sys::process::{self, Child, Forked, Namespaces};

pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// An uid that is nobody's.
pub(crate) const OWNER: u32 = 1_234_567;

pub(crate) fn limits() -> Limits {
    Limits::default()
}

/// A group that is killed and removed when the test is over, however it ends.
pub(crate) struct Scene {
    pub(crate) host: Host,
    pub(crate) group: Group,
}

impl Scene {
    /// A group of this name that is not there yet.
    pub(crate) fn bare(name: &str) -> Self {
        let host = Host::probe().unwrap();
        let group = host.group(&parent(), name);
        Self { host, group }
    }

    /// A group of this name with these limits.
    pub(crate) fn new(name: &str, limits: &Limits) -> Self {
        let scene = Self::bare(name);
        scene.group.create(limits, 0, OWNER).unwrap();
        scene
    }

    /// A child in the group, in v1 and v2, that does `work` and exits with what it returns.
    pub(crate) fn child(&self, work: impl FnOnce() -> i32) -> Member {
        let entry = self.group.entry().unwrap();
        Member::new(Namespaces::default(), &entry, work)
    }

    /// A child in the group that sleeps until it is killed.
    pub(crate) fn sleeper(&self) -> Member {
        let (ready, tell) = rustix::pipe::pipe().unwrap();
        let member = self.child(move || {
            rustix::io::write(&tell, b"!").unwrap();
            sleep_on()
        });
        wait_for_byte(&ready);
        member
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let gone = self.group.kill().and_then(|()| self.group.remove(PATIENCE));
        if !std::thread::panicking() {
            gone.unwrap();
            assert_eq!(self.dirs(), Vec::<PathBuf>::new(), "the group left nothing");
        }
    }
}

impl Scene {
    /// Where the group is, found in the mount table and not through the crate.
    pub(crate) fn dirs(&self) -> Vec<PathBuf> {
        mounts()
            .into_iter()
            .map(|(_, mount)| mount.join(self.group.label()))
            .filter(|dir| dir.exists())
            .collect()
    }

    /// The file of the group in the v1 hierarchy of a controller, if it is on one.
    pub(crate) fn v1(&self, controller: &str, file: &str) -> Option<PathBuf> {
        let has = |options: &str| options.split(',').any(|option| option == controller);
        let found = mounts().into_iter().find(|(options, _)| has(options));
        if found.is_none() {
            println!("left out: {controller} is not on a v1 hierarchy");
        }
        found.map(|(_, mount)| mount.join(self.group.label()).join(file))
    }

    /// The file of the group in the v2 tree, if there is one.
    pub(crate) fn v2(&self, file: &str) -> Option<PathBuf> {
        let found = mounts().into_iter().find(|(options, _)| options == "v2");
        if found.is_none() {
            println!("left out: there is no v2 tree");
        }
        found.map(|(_, mount)| mount.join(self.group.label()).join(file))
    }

    /// The file of a controller on whichever version it is: `[v1, v2]`.
    pub(crate) fn knob(&self, controller: Controller, [v1, v2]: [&str; 2]) -> Option<PathBuf> {
        if self.host.missing().contains(&controller) {
            println!("left out: there is no {controller} controller");
            return None;
        }
        self.v1(controller.name(), v1).or_else(|| self.v2(v2))
    }

    /// How many CPUs to ask for, where CPUs can be limited.
    pub(crate) fn one_cpu(&self) -> Option<u32> {
        let able = !self.host.missing().contains(&Controller::Cpuset);
        able.then_some(1)
    }
}

/// The parent of all groups of this run.
pub(crate) fn parent() -> String {
    format!("veld-test-{}", std::process::id())
}

/// Super options (`v2` for that) and mount point of each hierarchy.
pub(crate) fn mounts() -> Vec<(String, PathBuf)> {
    let table = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    mountinfo::parse(&table)
        .into_iter()
        .filter_map(|mount| match mount.fs_type.as_str() {
            "cgroup" => Some((mount.super_options, mount.mount_point)),
            "cgroup2" => Some(("v2".to_owned(), mount.mount_point)),
            _ => None,
        })
        .collect()
}

/// A child of the test; killed when dropped.
pub(crate) struct Member(pub(crate) Child);

/// How a child ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    Exited(i32),
    Killed(i32),
}

impl Member {
    pub(crate) fn new(new: Namespaces, entry: &Entry, work: impl FnOnce() -> i32) -> Self {
        match process::clone_into(new, entry.v2()).unwrap() {
            Forked::Parent(child) => Self(child),
            Forked::Child => {
                let status = catch_unwind(AssertUnwindSafe(|| {
                    entry.join_v1().unwrap();
                    work()
                }));
                process::exit_now(status.unwrap_or(101))
            }
        }
    }

    pub(crate) fn pid(&self) -> i32 {
        self.0.pid.as_raw_nonzero().get()
    }

    /// Waits for the end.
    pub(crate) fn end(&self) -> End {
        wait_until_readable(&self.0.pidfd);
        let id = WaitId::PidFd(self.0.pidfd.as_fd());
        let status = waitid(id, WaitIdOptions::EXITED).unwrap().unwrap();
        ended(&status)
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        // Both fail for a child that was waited for.
        let _ = pidfd_send_signal(&self.0.pidfd, Signal::KILL);
        let _ = waitid(WaitId::PidFd(self.0.pidfd.as_fd()), WaitIdOptions::EXITED);
    }
}

fn ended(status: &WaitIdStatus) -> End {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => End::Exited(code),
        (None, Some(signal)) => End::Killed(signal),
        (None, None) => panic!("neither exited nor killed: {status:?}"),
    }
}

pub(crate) const KILLED: End = End::Killed(9);

/// Sleeps until killed; a child that outlives its test ends by itself.
pub(crate) fn sleep_on() -> i32 {
    std::thread::sleep(Duration::from_secs(30));
    0
}

/// Waits until something is so, and says what was waited for when it is not.
pub(crate) fn until(what: &str, so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !so() {
        assert!(begun.elapsed() < PATIENCE, "{what} within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

pub(crate) fn wait_for_byte(pipe: &OwnedFd) {
    wait_until_readable(pipe);
    let mut byte = [0];
    assert_eq!(rustix::io::read(pipe, &mut byte).unwrap(), 1);
}

fn wait_until_readable(fd: &OwnedFd) {
    let timeout = Timespec::try_from(PATIENCE).unwrap();
    let ready = poll(&mut [PollFd::new(fd, PollFlags::IN)], Some(&timeout)).unwrap();
    assert_eq!(ready, 1, "nothing happened within {PATIENCE:?}");
}

pub(crate) fn read(path: &std::path::Path) -> String {
    veld_kernfs::read(path).unwrap()
}

/// The pids that a removal says are left.
pub(crate) fn left(error: Error) -> Vec<i32> {
    let Error::Busy { pids, .. } = error else {
        panic!("{error} should say busy");
    };
    pids
}
