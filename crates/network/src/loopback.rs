//! A guest's own loopback device.

use std::os::fd::BorrowedFd;

use veld_sys::{Context, Failure};

use crate::message::{self, LOOPBACK};
use crate::rtnl::Rtnl;
use crate::{Error, netns};

/// Takes the `lo` of a namespace up, which [`attach`](crate::attach) does by itself.
///
/// # Errors
/// As the kernel says; EPERM without `CAP_SYS_ADMIN` over the namespace.
pub fn loopback_up(guest: BorrowedFd<'_>) -> Result<(), Error> {
    let [mut inside] = netns::talk(guest)?;
    Ok(take_up(&mut inside)?)
}

pub(crate) fn take_up(inside: &mut Rtnl) -> Result<(), Failure> {
    inside
        .change("set lo up inside", message::up(LOOPBACK), 0)
        .context(|| "take link lo up inside")
}
