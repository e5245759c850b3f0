//! When and where a process runs, set back to what the kernel starts with.

use std::io;

use linux_raw_sys::general::SCHED_NORMAL;

/// As many processors as any Linux is built for.
const PROCESSORS: usize = 8192;

/// "This process" in ioprio_set(2), which has no header of its own in libc.
const IOPRIO_WHO_PROCESS: libc::c_int = 1;

/// No class: the priority of input and output follows the nice value.
const IOPRIO_NONE: libc::c_int = 0;

/// Makes this thread an ordinary one of the given nice value (-20 to 19), with
/// a time slice of the kernel's choosing.
///
/// # Errors
/// EPERM where the nice value would fall and neither a capability nor
/// `RLIMIT_NICE` allows that.
///
/// # Kernel
/// sched_setattr(2), Linux 3.14; sched(7).
pub fn ordinary(nice: i32) -> io::Result<()> {
    let attributes = libc::sched_attr {
        size: u32::try_from(size_of::<libc::sched_attr>()).unwrap_or(0),
        sched_policy: SCHED_NORMAL,
        sched_flags: 0,
        sched_nice: nice,
        sched_priority: 0,
        sched_runtime: 0,
        sched_deadline: 0,
        sched_period: 0,
    };
    // SAFETY: `attributes` lives across the call, which only reads as much of it
    // as its field `size` says.
    let result = unsafe {
        libc::syscall(
            libc::SYS_sched_setattr,
            0,
            std::ptr::from_ref(&attributes),
            0,
        )
    };
    done(result)
}

/// Lets this thread run on every processor that its cpuset has.
///
/// # Errors
/// None is known.
///
/// # Kernel
/// sched_setaffinity(2): what the cpuset forbids is left out of the mask, and
/// so is what the kernel has no room for.
pub fn every_processor() -> io::Result<()> {
    let mask = [u8::MAX; PROCESSORS / 8];
    // SAFETY: `mask` lives across the call, which reads as many bytes of it as
    // are passed beside it.
    let result =
        unsafe { libc::syscall(libc::SYS_sched_setaffinity, 0, mask.len(), mask.as_ptr()) };
    done(result)
}

/// Gives up a priority of input and output of this thread's own. A kernel
/// without block devices is fine.
///
/// # Errors
/// None is known.
///
/// # Kernel
/// ioprio_set(2), Linux 2.6.13.
pub fn no_io_priority() -> io::Result<()> {
    // SAFETY: takes numbers only.
    let result = unsafe { libc::syscall(libc::SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_NONE) };
    or_without(done(result))
}

/// Lets this thread's memory come from the nearest node. A kernel that knows
/// one node only is fine.
///
/// # Errors
/// None is known.
///
/// # Kernel
/// set_mempolicy(2) `MPOL_DEFAULT`, Linux 2.6.7.
pub fn nearest_memory() -> io::Result<()> {
    // SAFETY: the mask of nodes is null and of no length: nothing is read.
    let result = unsafe {
        libc::syscall(
            libc::SYS_set_mempolicy,
            libc::MPOL_DEFAULT,
            std::ptr::null::<libc::c_ulong>(),
            0,
        )
    };
    or_without(done(result))
}

fn done(result: libc::c_long) -> io::Result<()> {
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// What the kernel does not have need not be undone.
fn or_without(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(missing) if missing.raw_os_error() == Some(libc::ENOSYS) => Ok(()),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All of it belongs to the thread, so that a thread of its own is alone.
    fn in_a_thread(test: impl FnOnce() + Send + 'static) {
        std::thread::spawn(test).join().unwrap();
    }

    fn status(key: &str) -> String {
        let text = std::fs::read_to_string("/proc/thread-self/status").unwrap();
        let value = text.lines().find_map(|line| line.strip_prefix(key));
        value.unwrap().trim().to_owned()
    }

    /// Field `number` of proc_pid_stat(5), counted as there; past the name.
    fn stat(number: usize) -> String {
        let text = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
        let (_, fields) = text.rsplit_once(") ").unwrap();
        fields.split(' ').nth(number - 3).unwrap().to_owned()
    }

    #[test]
    fn policy_and_nice_value_are_the_ordinary_ones_again() {
        in_a_thread(|| {
            let batch = libc::sched_param { sched_priority: 0 };
            // SAFETY: the struct lives across the call.
            let set = unsafe { libc::sched_setscheduler(0, libc::SCHED_BATCH, &raw const batch) };
            assert_eq!(set, 0);
            ordinary(5).unwrap();
            assert_eq!((stat(41).as_str(), stat(19).as_str()), ("0", "5"));
            // Back to 0 only where this may be done at all.
            match ordinary(0) {
                Ok(()) => assert_eq!(stat(19), "0"),
                Err(error) => assert_eq!(error.raw_os_error(), Some(libc::EPERM)),
            }
        });
    }

    #[test]
    fn one_processor_becomes_all_again() {
        in_a_thread(|| {
            every_processor().unwrap();
            let all = status("Cpus_allowed_list:");
            let first = rustix::thread::sched_getaffinity(None).unwrap();
            let mut one = rustix::thread::CpuSet::new();
            let any = (0..rustix::thread::CpuSet::MAX_CPU).find(|&cpu| first.is_set(cpu));
            one.set(any.unwrap());
            rustix::thread::sched_setaffinity(None, &one).unwrap();
            assert_eq!(status("Cpus_allowed_list:"), any.unwrap().to_string());
            every_processor().unwrap();
            assert_eq!(status("Cpus_allowed_list:"), all);
        });
    }

    #[test]
    fn priority_of_input_and_output_is_none_again() {
        in_a_thread(|| {
            const IDLE: libc::c_int = 3 << 13;
            // SAFETY: takes numbers only.
            let get = || unsafe { libc::syscall(libc::SYS_ioprio_get, IOPRIO_WHO_PROCESS, 0) };
            let before = get();
            // SAFETY: takes numbers only.
            unsafe { libc::syscall(libc::SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IDLE) };
            assert_eq!(get(), libc::c_long::from(IDLE));
            no_io_priority().unwrap();
            assert_ne!(get(), libc::c_long::from(IDLE));
            assert_eq!(get(), before);
            nearest_memory().unwrap();
        });
    }
}
