//! Conversations with another network namespace.

use std::os::fd::BorrowedFd;

use rustix::fs::{Mode, OFlags, open};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use veld_sys::{Context, Failure};

use crate::rtnl::Rtnl;

/// Opens `N` conversations with the network namespace `netns`.
///
/// The calling thread goes there and comes back; nothing else happens in
/// between, and nothing of the guest is looked at.
///
/// # Panics
/// Where the thread cannot come back: whatever it did next, to what it takes
/// for the host's network, would happen to the guest's.
///
/// # Kernel
/// setns(2) with `CLONE_NEWNET`, network_namespaces(7).
pub(crate) fn talk<const N: usize>(netns: BorrowedFd<'_>) -> Result<[Rtnl; N], Failure> {
    within(netns, open_all)?.context(|| "open a netlink socket in the network namespace")
}

/// Does one thing in another network namespace.
///
/// # Panics
/// As [`talk`].
pub(crate) fn within<T>(netns: BorrowedFd<'_>, work: impl FnOnce() -> T) -> Result<T, Failure> {
    let network = Some(LinkNameSpaceType::Network);
    let home = open(
        "/proc/thread-self/ns/net",
        OFlags::RDONLY | OFlags::CLOEXEC,
        Mode::empty(),
    )
    .context(|| "open /proc/thread-self/ns/net")?;
    move_into_link_name_space(netns, network).context(|| "enter the network namespace")?;
    let done = work();
    if let Err(errno) = move_into_link_name_space(std::os::fd::AsFd::as_fd(&home), network) {
        panic!("a thread always returns to its own network namespace: {errno}");
    }
    Ok(done)
}

fn open_all<const N: usize>() -> std::io::Result<[Rtnl; N]> {
    let opened: Vec<Rtnl> = (0..N).map(|_| Rtnl::open()).collect::<Result<_, _>>()?;
    opened
        .try_into()
        .map_err(|_| std::io::ErrorKind::InvalidData.into())
}
