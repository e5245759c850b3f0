//! The loopback device, which the host brings up before PID 1 runs.

use std::io;

use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};
use rustix::net::{recv, sendto, socket_with};
use veld_sys::{Context, Failure, fault};

/// `RTM_NEWLINK` as a request with an answer, about device 1: the flag `IFF_UP` is
/// to change, and to be off. The number of a message is of no use to one who sends
/// one alone.
const LENGTH: u32 = 32;
const NEW_LINK: u16 = 16;
const REQUEST_WITH_ANSWER: u16 = 5;
const LOOPBACK: i32 = 1;
const UP: u32 = 1;

/// Takes the device down, so that an init sees it come up by its own doing: one
/// that waits for that event never starts what needs the network otherwise.
///
/// # Errors
/// Those of the kernel.
///
/// # Kernel
/// rtnetlink(7); in a new network namespace the loopback device has number 1.
pub(crate) fn take_down() -> Result<(), Failure> {
    fault::point("take loopback device down")
        .and_then(|()| ask(&request()))
        .context(|| "take the loopback device down")
}

fn request() -> Vec<u8> {
    let header = [
        &LENGTH.to_ne_bytes()[..],
        &NEW_LINK.to_ne_bytes(),
        &REQUEST_WITH_ANSWER.to_ne_bytes(),
        &[0; 8],
    ];
    let link = [
        &[0; 4][..],
        &LOOPBACK.to_ne_bytes(),
        &0_u32.to_ne_bytes(),
        &UP.to_ne_bytes(),
    ];
    [header.concat(), link.concat()].concat()
}

fn ask(request: &[u8]) -> io::Result<()> {
    let socket = socket_with(
        AddressFamily::NETLINK,
        SocketType::RAW,
        SocketFlags::CLOEXEC,
        // NETLINK_ROUTE is protocol 0.
        None,
    )?;
    sendto(
        &socket,
        request,
        SendFlags::empty(),
        &SocketAddrNetlink::new(0, 0),
    )?;
    let mut answer = [0; 128];
    let (_, length) = recv(&socket, &mut answer, RecvFlags::empty())?;
    // An answer is an error of the number 0 where there was none.
    let number = answer.get(16..20).filter(|_| length >= 20);
    let number = number.and_then(|bytes| bytes.try_into().ok());
    match number.map(i32::from_ne_bytes) {
        Some(0) => Ok(()),
        Some(errno) => Err(io::Error::from_raw_os_error(errno.saturating_neg())),
        None => Err(Errno::PROTO.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_is_as_long_as_it_says() {
        assert_eq!(u32::try_from(request().len()), Ok(LENGTH));
    }
}
