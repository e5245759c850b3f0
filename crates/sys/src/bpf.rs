//! bpf(2): programs of the kernel's that decide which devices a cgroup may use.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use crate::fault;

/// One instruction, as the kernel lays it out.
///
/// # Kernel
/// `struct bpf_insn` of linux/bpf.h; Documentation/bpf/standardization/instruction-set.rst.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instruction {
    /// What to do.
    pub code: u8,
    /// The destination in the low four bits, the source in the high ones; the
    /// other way round on a machine that is big-endian.
    registers: u8,
    /// How far to jump, or where in memory.
    pub offset: i16,
    /// A number to work with.
    pub immediate: i32,
}

impl Instruction {
    /// The instruction `code` on two of the registers 0 to 10, a distance and a number.
    #[must_use]
    pub const fn new(code: u8, [to, from]: [u8; 2], offset: i16, immediate: i32) -> Self {
        let (low, high) = if cfg!(target_endian = "big") {
            (from, to)
        } else {
            (to, from)
        };
        let registers = (low & 15) | ((high & 15) << 4);
        Self {
            code,
            registers,
            offset,
            immediate,
        }
    }

    /// The registers that it works on: to and from.
    #[must_use]
    pub const fn registers(self) -> [u8; 2] {
        let (low, high) = (self.registers & 15, self.registers >> 4);
        if cfg!(target_endian = "big") {
            [high, low]
        } else {
            [low, high]
        }
    }
}

/// `enum bpf_cmd`.
const PROG_LOAD: u32 = 5;
const PROG_ATTACH: u32 = 8;
const PROG_QUERY: u32 = 16;

/// `BPF_PROG_TYPE_CGROUP_DEVICE`, and `BPF_CGROUP_DEVICE` of the places to attach to.
const CGROUP_DEVICE_PROGRAM: u32 = 15;
const CGROUP_DEVICE: u32 = 6;

/// It calls no function of the kernel's, so that the kernel asks for no licence
/// in particular.
const LICENCE: &CStr = c"Apache-2.0";

/// How many programs a group is asked for: the kernel's own end is 64.
const MOST: usize = 64;

/// Of `union bpf_attr`, what a load needs; what the kernel's is longer is zero.
#[repr(C)]
struct Load {
    prog_type: u32,
    insn_cnt: u32,
    insns: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log_buf: u64,
    kern_version: u32,
    prog_flags: u32,
    prog_name: [u8; 16],
}

#[repr(C)]
struct Attach {
    target_fd: u32,
    attach_bpf_fd: u32,
    attach_type: u32,
    attach_flags: u32,
}

#[repr(C)]
struct Query {
    target_fd: u32,
    attach_type: u32,
    query_flags: u32,
    attach_flags: u32,
    prog_ids: u64,
    prog_cnt: u32,
    reserved: u32,
}

/// Hands a device program to the kernel, which checks that it ends and touches
/// nothing that it may not. It lasts as long as the descriptor, or as what it is
/// attached to.
///
/// It is called with a `struct bpf_cgroup_dev_ctx` whenever a process of the
/// group opens or makes a device, and allows that where it returns 1.
///
/// # Errors
/// EACCES or EINVAL of a program that the kernel does not accept; EINVAL of a
/// kernel without such programs, ENOSYS of one without BPF; EPERM without
/// CAP_BPF and CAP_NET_ADMIN, or without CAP_SYS_ADMIN.
///
/// # Kernel
/// bpf(2) `BPF_PROG_LOAD` of `BPF_PROG_TYPE_CGROUP_DEVICE`, Linux 4.15.
pub fn load_device_program(program: &[Instruction]) -> io::Result<OwnedFd> {
    fault::point("load device program")?;
    let count = u32::try_from(program.len());
    let mut prog_name = [0; 16];
    prog_name
        .iter_mut()
        .zip(b"veld_devices")
        .for_each(|(to, from)| *to = *from);
    let mut load = Load {
        prog_type: CGROUP_DEVICE_PROGRAM,
        insn_cnt: count.map_err(|_| io::Error::from_raw_os_error(libc::E2BIG))?,
        insns: program.as_ptr() as u64,
        license: LICENCE.as_ptr() as u64,
        log_level: 0,
        log_size: 0,
        log_buf: 0,
        kern_version: 0,
        prog_flags: 0,
        prog_name,
    };
    // SAFETY: the instructions and the licence that `load` points to live across
    // the call, which only reads them: as many as it says, and up to the NUL.
    let loaded = unsafe { bpf(PROG_LOAD, &mut load)? };
    // SAFETY: the call returned a new descriptor, which nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(loaded) })
}

/// Attaches a device program to the cgroup v2 that `group` is open on, instead of
/// the one that was attached to it so before: at no moment is there none, and
/// the one before is gone. Groups below cannot have one of their own. It goes
/// with the group.
///
/// # Errors
/// EPERM without CAP_NET_ADMIN, where a group above has a program that suffers
/// none below, and where the group has programs that were attached otherwise.
///
/// # Kernel
/// bpf(2) `BPF_PROG_ATTACH` to `BPF_CGROUP_DEVICE` without flags, Linux 4.15.
pub fn attach_device_program(group: BorrowedFd<'_>, program: BorrowedFd<'_>) -> io::Result<()> {
    fault::point("attach device program")?;
    let mut attach = Attach {
        target_fd: number(group)?,
        attach_bpf_fd: number(program)?,
        attach_type: CGROUP_DEVICE,
        attach_flags: 0,
    };
    // SAFETY: there is no pointer in `attach`.
    unsafe { bpf(PROG_ATTACH, &mut attach)? };
    Ok(())
}

/// The numbers of the device programs that are attached to the cgroup v2 that
/// `group` is open on, without those of groups above.
///
/// # Errors
/// EINVAL or ENOSYS of a kernel without such programs; EPERM without CAP_NET_ADMIN.
///
/// # Kernel
/// bpf(2) `BPF_PROG_QUERY`, Linux 4.15.
pub fn device_programs(group: BorrowedFd<'_>) -> io::Result<Vec<u32>> {
    let mut ids = vec![0_u32; MOST];
    let mut query = Query {
        target_fd: number(group)?,
        attach_type: CGROUP_DEVICE,
        query_flags: 0,
        attach_flags: 0,
        prog_ids: ids.as_mut_ptr() as u64,
        prog_cnt: u32::try_from(ids.len()).unwrap_or(0),
        reserved: 0,
    };
    // SAFETY: `prog_ids` points to as many numbers as `prog_cnt` says, which live
    // across the call and are nobody else's; the kernel writes no more of them.
    unsafe { bpf(PROG_QUERY, &mut query)? };
    ids.truncate(usize::try_from(query.prog_cnt).unwrap_or(0));
    Ok(ids)
}

fn number(fd: BorrowedFd<'_>) -> io::Result<u32> {
    u32::try_from(fd.as_raw_fd()).map_err(|_| io::Error::from_raw_os_error(libc::EBADF))
}

/// # Safety
/// What `attributes` points to must be fit for `command`: as long as it says, and
/// alive and unused by others until the call returns.
unsafe fn bpf<T>(command: u32, attributes: &mut T) -> io::Result<i32> {
    // SAFETY: `attributes` is a live struct of the size passed beside it, which
    // the kernel may write to; what it points to, the caller vouches for.
    let result = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            command,
            std::ptr::from_mut(attributes),
            size_of::<T>(),
        )
    };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    i32::try_from(result).map_err(|_| io::Error::from_raw_os_error(libc::EOVERFLOW))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_structs_are_as_long_as_the_kernels_parts() {
        assert_eq!(size_of::<Instruction>(), 8);
        assert_eq!(size_of::<Load>(), 64);
        assert_eq!(size_of::<Attach>(), 16);
        assert_eq!(size_of::<Query>(), 32);
    }

    #[test]
    fn registers_come_back_as_they_were_given() {
        let instruction = Instruction::new(0x61, [2, 1], -4, 7);
        assert_eq!(instruction.registers(), [2, 1]);
        assert_eq!((instruction.offset, instruction.immediate), (-4, 7));
    }

    #[test]
    fn a_program_that_returns_nothing_is_refused() {
        if !rustix::process::geteuid().is_root() {
            println!("skipped: loading takes root");
            return;
        }
        let exit = Instruction::new(0x95, [0, 0], 0, 0);
        let refused = load_device_program(&[exit]).unwrap_err();
        let errno = refused.raw_os_error();
        // EINVAL and ENOSYS where the kernel has no such programs.
        assert!(
            [libc::EACCES, libc::EINVAL, libc::ENOSYS]
                .map(Some)
                .contains(&errno),
            "{refused}"
        );
    }
}
