//! Loop devices: block devices whose blocks are a file's.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use linux_raw_sys::loop_device::{
    LO_FLAGS_AUTOCLEAR, LO_FLAGS_DIRECT_IO, LOOP_CONFIGURE, LOOP_CTL_GET_FREE, LOOP_GET_STATUS64,
    LOOP_SET_CAPACITY, loop_config, loop_info64,
};

use crate::{fault, ioctl};

const _: () = assert!(size_of::<loop_config>() == 304);

/// The number of a device that is free now; `control` is open on the device that
/// hands them out. Another may be faster.
///
/// # Kernel
/// loop(4), `LOOP_CTL_GET_FREE`: Linux 3.1.
pub fn free_number(control: BorrowedFd<'_>) -> io::Result<u32> {
    fault::point("find loop device")?;
    // SAFETY: the request takes no argument.
    let number = unsafe { ioctl::bare(control, LOOP_CTL_GET_FREE) }?;
    Ok(number.cast_unsigned())
}

/// Gives a device the blocks of `image`, until the last who has it open lets go:
/// a mounted file system counts. The device reads and writes past the page cache
/// where the file can be so.
///
/// # Errors
/// EBUSY where another has taken the device.
///
/// # Kernel
/// loop(4), `LOOP_CONFIGURE`: Linux 5.8; `LO_FLAGS_AUTOCLEAR`.
pub fn configure(device: BorrowedFd<'_>, image: BorrowedFd<'_>) -> io::Result<()> {
    fault::point("configure loop device")?;
    let fd =
        u32::try_from(image.as_raw_fd()).map_err(|_| io::Error::from_raw_os_error(libc::EBADF))?;
    let mut config = loop_config {
        fd,
        block_size: 0,
        info: loop_info64 {
            lo_flags: LO_FLAGS_AUTOCLEAR as u32 | LO_FLAGS_DIRECT_IO as u32,
            ..blank()
        },
        __reserved: [0; 8],
    };
    // SAFETY: `config` is the struct that the request takes.
    unsafe { ioctl::with(device, LOOP_CONFIGURE, &mut config) }
}

/// Device and inode of the file that a device has the blocks of.
///
/// # Errors
/// ENXIO where it has none.
///
/// # Kernel
/// loop(4), `LOOP_GET_STATUS64`; the device as the kernel encodes it for stat(2).
pub fn backing(device: BorrowedFd<'_>) -> io::Result<(u64, u64)> {
    let mut info = blank();
    // SAFETY: `info` is the struct that the request fills.
    unsafe { ioctl::with(device, LOOP_GET_STATUS64, &mut info) }?;
    Ok((info.lo_device, info.lo_inode))
}

fn blank() -> loop_info64 {
    loop_info64 {
        lo_device: 0,
        lo_inode: 0,
        lo_rdevice: 0,
        lo_offset: 0,
        lo_sizelimit: 0,
        lo_number: 0,
        lo_encrypt_type: 0,
        lo_encrypt_key_size: 0,
        lo_flags: 0,
        lo_file_name: [0; 64],
        lo_crypt_name: [0; 64],
        lo_encrypt_key: [0; 32],
        lo_init: [0; 2],
    }
}

/// Has a device look how long its file is now.
///
/// # Kernel
/// loop(4), `LOOP_SET_CAPACITY`: Linux 2.6.30.
pub fn set_capacity(device: BorrowedFd<'_>) -> io::Result<()> {
    fault::point("grow loop device")?;
    // SAFETY: the request takes no argument.
    unsafe { ioctl::bare(device, LOOP_SET_CAPACITY) }?;
    Ok(())
}
