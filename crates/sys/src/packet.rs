//! packet(7): whole frames of one link, as they are on the wire.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

pub use libc::sock_filter as Instruction;

/// Opens a socket for frames of one EtherType on link number `index` of this
/// network namespace: what is sent there and what arrives, of the latter only what
/// `program`, a filter in classic BPF over the frame, lets through. It does not block.
///
/// Nothing arrives before both link and filter hold, so nothing needs to be thrown away.
///
/// # Errors
/// EPERM without `CAP_NET_RAW`; ENODEV where there is no such link, ENETDOWN where
/// it is down; EINVAL of a program that is no filter.
///
/// # Kernel
/// packet(7), `AF_PACKET` with `SOCK_RAW`; socket(7), `SO_ATTACH_FILTER`.
pub fn open(index: u32, ethertype: u16, program: &[Instruction]) -> io::Result<OwnedFd> {
    let flags = libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: no memory of this process is passed.
    let number = checked(unsafe { libc::socket(libc::AF_PACKET, flags, 0) })?;
    // SAFETY: the number was just returned by the kernel, and nobody else has it.
    let socket = unsafe { OwnedFd::from_raw_fd(number) };
    attach(&socket, program)?;
    bind(&socket, index, ethertype)?;
    Ok(socket)
}

/// Has a link take in frames to one more Ethernet address for as long as the
/// socket is open.
///
/// # Errors
/// ENODEV where there is no such link.
///
/// # Kernel
/// packet(7), `PACKET_ADD_MEMBERSHIP` with `PACKET_MR_MULTICAST`.
pub fn listen_to(socket: BorrowedFd<'_>, index: u32, address: [u8; 6]) -> io::Result<()> {
    let mut mr_address = [0; 8];
    mr_address
        .iter_mut()
        .zip(address)
        .for_each(|(to, from)| *to = from);
    let membership = libc::packet_mreq {
        mr_ifindex: index.cast_signed(),
        // Small numbers of the kernel's, which fit.
        mr_type: u16::try_from(libc::PACKET_MR_MULTICAST).unwrap_or_default(),
        mr_alen: 6,
        mr_address,
    };
    // SAFETY: the structure lives across the call, which reads as much of it as
    // its size says.
    checked(unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_PACKET,
            libc::PACKET_ADD_MEMBERSHIP,
            std::ptr::from_ref(&membership).cast(),
            size_of_val::<libc::packet_mreq>(&membership),
        )
    })
    .map(|_| ())
}

fn attach(socket: &OwnedFd, program: &[Instruction]) -> io::Result<()> {
    let program = libc::sock_fprog {
        len: u16::try_from(program.len())
            .map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))?,
        // The field is not const, but the kernel only copies from it.
        filter: program.as_ptr().cast_mut(),
    };
    // SAFETY: `program` and the instructions that it points to live across the
    // call, which reads as many of them as `len` says and writes nothing.
    checked(unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ATTACH_FILTER,
            std::ptr::from_ref(&program).cast(),
            size_of_val::<libc::sock_fprog>(&program),
        )
    })
    .map(|_| ())
}

fn bind(socket: &OwnedFd, index: u32, ethertype: u16) -> io::Result<()> {
    let address = libc::sockaddr_ll {
        sll_family: u16::try_from(libc::AF_PACKET).unwrap_or_default(),
        sll_protocol: ethertype.to_be(),
        sll_ifindex: index.cast_signed(),
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 0,
        sll_addr: [0; 8],
    };
    // SAFETY: the address lives across the call, which reads as much of it as its
    // size says.
    checked(unsafe {
        libc::bind(
            socket.as_raw_fd(),
            std::ptr::from_ref(&address).cast(),
            size_of_val::<libc::sockaddr_ll>(&address),
        )
    })
    .map(|_| ())
}

/// The length of a structure, as system calls of sockets want it.
fn size_of_val<T>(value: &T) -> libc::socklen_t {
    // Structures of the kernel's are far shorter.
    libc::socklen_t::try_from(std::mem::size_of_val(value)).unwrap_or_default()
}

fn checked(returned: libc::c_int) -> io::Result<libc::c_int> {
    if returned >= 0 {
        Ok(returned)
    } else {
        Err(io::Error::last_os_error())
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;

    /// Takes all: returns the length of any frame.
    const ALL: [Instruction; 1] = [Instruction {
        code: 0x06,
        jt: 0,
        jf: 0,
        k: u32::MAX,
    }];
    const IPV4: u16 = 0x0800;
    const LOOPBACK: u32 = 1;

    #[test]
    fn links_and_filters_are_checked() {
        let no_link = open(i32::MAX.cast_unsigned(), IPV4, &ALL).unwrap_err();
        if no_link.raw_os_error() == Some(libc::EPERM) {
            return assert!(!nix::unistd::geteuid().is_root());
        }
        assert_eq!(no_link.raw_os_error(), Some(libc::ENODEV));
        let no_filter = open(LOOPBACK, IPV4, &[]).unwrap_err();
        assert_eq!(no_filter.raw_os_error(), Some(libc::EINVAL));
        let socket = open(LOOPBACK, IPV4, &ALL).unwrap();
        listen_to(socket.as_fd(), LOOPBACK, [0x33, 0x33, 0, 0, 0, 1]).unwrap();
        let number = i32::MAX.cast_unsigned();
        let no_link = listen_to(socket.as_fd(), number, [0; 6]).unwrap_err();
        assert_eq!(no_link.raw_os_error(), Some(libc::ENODEV));
    }
}
