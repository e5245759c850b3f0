//! Counters of a guest's links, with the numbers by which others ask for them.

use veld_sys::Context;

use crate::link::open_host;
use crate::observe::seen_from_inside;
use crate::{Counters, Error, message, name};

/// A link, and what went over it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metered {
    /// The number of its host end, which no other link of this namespace gets while
    /// it is there.
    pub number: u32,
    /// What went over it since it was made.
    pub counters: Counters,
}

/// What went over the links of these names; one that is not there is left out.
///
/// # Errors
/// [`Error::BadName`]; [`Error::Failed`] where the kernel does not answer.
///
/// # Kernel
/// rtnetlink(7), `RTM_GETLINK` with a name: the kernel finds a link by its name
/// however many there are.
pub fn meter<N: AsRef<str>>(names: impl IntoIterator<Item = N>) -> Result<Vec<Metered>, Error> {
    let mut host = open_host()?;
    let mut found = Vec::new();
    for host_name in names {
        let host_name = host_name.as_ref();
        name::check_link(host_name)?;
        let link = host
            .link(message::get_link(host_name))
            .context(|| format!("read the counters of link {host_name}"))?;
        found.extend(link.map(|link| Metered {
            number: link.index,
            counters: seen_from_inside(&link.stats.unwrap_or_default()),
        }));
    }
    Ok(found)
}
