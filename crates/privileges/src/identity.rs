//! Who a process is inside its user namespace.

use rustix::process::{Gid, Uid};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};
use veld_sys::{Context, Failure};

/// A user with groups, as numbers of the namespace the process is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// User id.
    pub uid: u32,
    /// Primary group id.
    pub gid: u32,
    /// Supplementary group ids.
    pub groups: Vec<u32>,
}

impl Identity {
    /// User and group 0 with no supplementary group.
    #[must_use]
    pub fn root() -> Self {
        Self {
            uid: 0,
            gid: 0,
            groups: Vec::new(),
        }
    }

    /// Becomes this identity for good. Leaving user 0 drops all capabilities,
    /// as the kernel does for any process.
    ///
    /// # Errors
    /// EINVAL where the namespace has no such id; EPERM without CAP_SETUID and
    /// CAP_SETGID in it.
    ///
    /// # Kernel
    /// setgroups(2), setresgid(2), setresuid(2): groups first, while they may
    /// still be changed.
    pub fn assume(&self) -> Result<(), Failure> {
        let groups: Vec<Gid> = self.groups.iter().copied().map(Gid::from_raw).collect();
        set_thread_groups(&groups).context(|| format!("set groups {:?}", self.groups))?;
        let gid = Gid::from_raw(self.gid);
        set_thread_res_gid(gid, gid, gid).context(|| format!("become group {}", self.gid))?;
        let uid = Uid::from_raw(self.uid);
        set_thread_res_uid(uid, uid, uid).context(|| format!("become user {}", self.uid))
    }
}

/// Becomes root of the user namespace that this process is in.
///
/// # Errors
/// EINVAL where its ids are not mapped yet.
pub fn become_root() -> Result<(), Failure> {
    Identity::root().assume()
}
