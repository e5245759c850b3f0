//! Numbered fault points: the n-th side effect of an operation can be made to
//! fail, or to kill the process, so that a test can walk all of them.
//!
//! Every function that changes something outside the process (a file, a mount,
//! a cgroup, a link, a child) calls [`point`] right before it does so. Without
//! the feature `faults` that is nothing at all. With it, the environment says
//! what happens:
//!
//! - `VELD_FAULT_LOG=FILE`: every point passed appends its name as a line;
//! - `VELD_FAULT=N:EIO`, `N:ENOSPC` or `N:KILL`: what the N-th line does.
//!
//! The log is opened at the first point and its descriptor is inherited by
//! forked children, which therefore count on, whatever root they moved to.

/// Passes the next fault point; `name` says what is about to happen.
///
/// # Errors
/// The error that the environment asked for at this number; never without the
/// feature `faults`.
#[cfg(not(feature = "faults"))]
#[inline]
pub fn point(_name: &str) -> std::io::Result<()> {
    Ok(())
}

/// The descriptor of the log, which a child keeps to count on.
#[cfg(not(feature = "faults"))]
pub(crate) fn descriptor() -> Option<std::os::fd::BorrowedFd<'static>> {
    None
}

#[cfg(feature = "faults")]
pub(crate) use walk::descriptor;
#[cfg(feature = "faults")]
pub use walk::point;

#[cfg(feature = "faults")]
mod walk {
    use std::fs::File;
    use std::io::{self, Read, Seek, SeekFrom, Write};
    use std::os::fd::{AsFd, BorrowedFd};
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicI32, Ordering};

    /// What the environment asked for, read once.
    struct Plan {
        log: File,
        fault: Option<(usize, Fault)>,
    }

    #[derive(Clone, Copy)]
    enum Fault {
        Errno(i32),
        Kill,
    }

    /// The process of which a thread counts, or 0. Threads share the opening of the log,
    /// and with it its lock. What a fork has copied of another thread's is let go of by
    /// nobody, and is told by the process that it names.
    static COUNTING: AtomicI32 = AtomicI32::new(0);

    static PLAN: OnceLock<Option<Plan>> = OnceLock::new();

    /// Passes the next fault point; `name` says what is about to happen.
    ///
    /// # Errors
    /// The error that the environment asked for at this number.
    pub fn point(name: &str) -> io::Result<()> {
        let Some(plan) = PLAN.get_or_init(read_plan) else {
            return Ok(());
        };
        let number = alone(|| {
            plan.log.lock()?;
            let number = count_and_append(&plan.log, name);
            plan.log.unlock()?;
            number
        })?;
        match plan.fault {
            Some((wanted, fault)) if wanted == number => fault.happen(),
            _ => Ok(()),
        }
    }

    /// The descriptor of the log, which a child keeps to count on.
    pub(crate) fn descriptor() -> Option<BorrowedFd<'static>> {
        let plan = PLAN.get_or_init(read_plan).as_ref()?;
        Some(plan.log.as_fd())
    }

    impl Fault {
        fn happen(self) -> io::Result<()> {
            match self {
                Fault::Errno(errno) => Err(io::Error::from_raw_os_error(errno)),
                Fault::Kill => {
                    let me = rustix::process::getpid();
                    rustix::process::kill_process(me, rustix::process::Signal::KILL)?;
                    // PID 1 of a VE does not die of its own SIGKILL; leaving is as abrupt.
                    // SAFETY: _exit takes no pointer and does not return.
                    unsafe { libc::_exit(137) }
                }
            }
        }
    }

    /// Calls `count` while no other thread of this process does.
    fn alone<T>(count: impl FnOnce() -> T) -> T {
        let me = rustix::process::getpid().as_raw_nonzero().get();
        let mut holder = 0;
        while let Err(other) =
            COUNTING.compare_exchange(holder, me, Ordering::Acquire, Ordering::Relaxed)
        {
            holder = if other == me { 0 } else { other };
            std::thread::yield_now();
        }
        let counted = count();
        COUNTING.store(0, Ordering::Release);
        counted
    }

    fn count_and_append(mut log: &File, name: &str) -> io::Result<usize> {
        let mut seen = String::new();
        log.seek(SeekFrom::Start(0))?;
        log.read_to_string(&mut seen)?;
        writeln!(log, "{name}")?;
        Ok(seen.lines().count() + 1)
    }

    fn read_plan() -> Option<Plan> {
        let path = std::env::var_os("VELD_FAULT_LOG")?;
        let log = File::options()
            .create(true)
            .read(true)
            .append(true)
            .open(path)
            .ok()?;
        let fault = std::env::var("VELD_FAULT").ok().and_then(|text| {
            let (number, what) = text.split_once(':')?;
            let fault = match what {
                "EIO" => Fault::Errno(libc::EIO),
                "ENOSPC" => Fault::Errno(libc::ENOSPC),
                "KILL" => Fault::Kill,
                _ => return None,
            };
            Some((number.parse().ok()?, fault))
        });
        Some(Plan { log, fault })
    }
}
