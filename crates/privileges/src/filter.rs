//! System calls that no process of a VE can make.
//!
//! A call is here for one of two reasons: no namespace separates what it
//! reaches, or no limit of the VE's holds what it makes. All others are
//! allowed: the user namespace is the wall, and distributions expect a kernel.
//!
//! | refused | with | because |
//! |---|---|---|
//! | `add_key`, `request_key`, `keyctl` | ENOSYS | keys are charged to a user and not to a group: 65,536 users with 20 kB each are beyond any limit of a VE. To programs the kernel was built without keys. |
//! | `socket` of `AF_VSOCK` | EAFNOSUPPORT | its addresses are those of the machine, in every network namespace: a VE could talk to the hypervisor in the host's name. |
//! | `ioctl` of `BTRFS_IOC_SUBVOL_CREATE_V2` and `BTRFS_IOC_SNAP_CREATE_V2` | ENOTTY | whoever makes a subvolume by them names the quota groups that it counts in: in none, past the VE's limit, or in another VE's. The calls of before have no such argument. |
//! | x32 calls, on `x86_64` | ENOSYS | they are the same calls by other numbers. Few kernels have them and no distribution needs them. |
//!
//! Two ways to a socket lead past a filter: `socketcall(2)` of 32-bit x86
//! programs, whose arguments are in memory, and io_uring(7), whose requests are
//! no system calls. A host with a vsock device that must be out of reach has to
//! leave its driver out, or switch `kernel.io_uring_disabled` on and its
//! 32-bit calls off.
//!
//! On machines other than `x86_64` and `aarch64` nothing is refused.

mod abi;
mod assembler;
#[cfg(test)]
mod tests;

use rustix::io::Errno;
use veld_sys::seccomp::{self, Instruction};
use veld_sys::{Context, Failure, fault};

use abi::{Abi, X32, of_this_machine};
use assembler::{Line, assemble};

/// Offsets in `struct seccomp_data`.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
/// The lower half of the first argument, all that the kernel reads of an int.
const FIRST_ARGUMENT: u32 = if cfg!(target_endian = "big") { 20 } else { 16 };

/// From `linux/seccomp.h`.
const RET_ALLOW: u32 = 0x7fff_0000;
const RET_ERRNO: u32 = 0x0005_0000;

/// The lower half of the second, all that the kernel reads of a request.
const SECOND_ARGUMENT: u32 = FIRST_ARGUMENT + 8;

const AF_VSOCK: u32 = 40;

/// Of `linux/btrfs.h`: `_IOW(0x94, 23, …)` and `_IOW(0x94, 24, …)` of 4096 bytes.
const BTRFS_IOC_SNAP_CREATE_V2: u32 = 0x5000_9417;
const BTRFS_IOC_SUBVOL_CREATE_V2: u32 = 0x5000_9418;

/// The number of a call that a tracer wants left out.
const SKIPPED: u32 = u32::MAX;

/// Refuses what this module lists to this thread, and to all that it starts,
/// for good.
///
/// # Errors
/// EACCES without CAP_SYS_ADMIN in the process's user namespace; EINVAL where
/// the kernel was built without filters.
///
/// # Kernel
/// seccomp(2), Linux 3.17. Since 5.11 the kernel finds out once which numbers
/// are allowed whatever the arguments, and does not run the filter for them.
pub fn refuse_calls() -> Result<(), Failure> {
    let abis = of_this_machine();
    if abis.is_empty() {
        return Ok(());
    }
    let apply = || {
        fault::point("refuse system calls")?;
        seccomp::filter(&program(abis).ok_or(Errno::INVAL)?)
    };
    apply().context(|| "refuse system calls")
}

/// Where the program goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// A call of this architecture.
    Abi(u32),
    X32,
    Socket,
    Request,
    Allow,
    Missing,
    NoFamily,
    NoRequest,
}

/// The filter for these ABIs; calls of any other architecture are allowed.
fn program(abis: &[Abi]) -> Option<Vec<Instruction>> {
    let mut lines = vec![Line::Load(ARCHITECTURE)];
    lines.extend(
        abis.iter()
            .map(|abi| Line::IfEqual(abi.architecture, Place::Abi(abi.architecture))),
    );
    lines.push(Line::Return(RET_ALLOW));
    for abi in abis {
        lines.extend([Line::Here(Place::Abi(abi.architecture)), Line::Load(NUMBER)]);
        if abi.has_x32 {
            lines.push(Line::IfBits(X32, Place::X32));
        }
        lines.extend([
            Line::IfEqual(abi.add_key, Place::Missing),
            Line::IfEqual(abi.request_key, Place::Missing),
            Line::IfEqual(abi.keyctl, Place::Missing),
            Line::IfEqual(abi.socket, Place::Socket),
            Line::IfEqual(abi.ioctl, Place::Request),
            Line::Return(RET_ALLOW),
        ]);
    }
    lines.extend([
        // The tracer has put the result in place, which an error would replace.
        Line::Here(Place::X32),
        Line::IfEqual(SKIPPED, Place::Allow),
        refuse(Errno::NOSYS),
        Line::Here(Place::Socket),
        Line::Load(FIRST_ARGUMENT),
        Line::IfEqual(AF_VSOCK, Place::NoFamily),
        Line::Return(RET_ALLOW),
        Line::Here(Place::Request),
        Line::Load(SECOND_ARGUMENT),
        Line::IfEqual(BTRFS_IOC_SNAP_CREATE_V2, Place::NoRequest),
        Line::IfEqual(BTRFS_IOC_SUBVOL_CREATE_V2, Place::NoRequest),
        Line::Here(Place::Allow),
        Line::Return(RET_ALLOW),
        Line::Here(Place::Missing),
        refuse(Errno::NOSYS),
        Line::Here(Place::NoFamily),
        refuse(Errno::AFNOSUPPORT),
        Line::Here(Place::NoRequest),
        refuse(Errno::NOTTY),
    ]);
    assemble(&lines)
}

fn refuse(errno: Errno) -> Line<Place> {
    Line::Return(RET_ERRNO | errno.raw_os_error().unsigned_abs())
}
