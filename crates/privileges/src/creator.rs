//! Acting as the owner of a VE's ids while keeping the capabilities of root.
//!
//! Two things in the kernel go by who does them: a user namespace (and every
//! timer, signal, queue and watch in it) is charged to the user who made it,
//! and an overlay writes its upper layer as whoever mounted it.

use rustix::process::{Gid, Uid, getegid, geteuid};
use rustix::thread::{
    CapabilitiesSecureBits, capabilities_secure_bits, set_capabilities_secure_bits,
    set_thread_res_gid, set_thread_res_uid,
};
use veld_sys::{Context, Failure};

/// This process acts as another user and group, capabilities untouched.
///
/// Lasts until this is restored or dropped; a cloned child that never drops it
/// keeps the identity.
#[derive(Debug)]
#[must_use]
pub struct Creator {
    uid: Uid,
    gid: Gid,
    bits: CapabilitiesSecureBits,
    restored: bool,
}

impl Creator {
    /// Takes host id `id` as effective and file system user and group.
    ///
    /// # Errors
    /// EPERM without CAP_SETPCAP, CAP_SETUID and CAP_SETGID.
    ///
    /// # Kernel
    /// capabilities(7), "The securebits flags": with SECBIT_NO_SETUID_FIXUP a
    /// change of ids leaves the capability sets alone. credentials(7).
    pub fn assume(id: u32) -> Result<Self, Failure> {
        let bits = capabilities_secure_bits().context(|| "read secure bits")?;
        let before = Self {
            uid: geteuid(),
            gid: getegid(),
            bits,
            restored: false,
        };
        set_capabilities_secure_bits(bits | CapabilitiesSecureBits::NO_SETUID_FIXUP)
            .context(|| "set secure bits")?;
        switch(Uid::from_raw(id), Gid::from_raw(id)).context(|| format!("act as host id {id}"))?;
        Ok(before)
    }

    /// Gives the identity back.
    ///
    /// # Errors
    /// As [`assume`](Self::assume).
    pub fn restore(mut self) -> Result<(), Failure> {
        self.restored = true;
        self.go_back().context(|| "return to the former ids")
    }

    fn go_back(&self) -> rustix::io::Result<()> {
        switch(self.uid, self.gid)?;
        set_capabilities_secure_bits(self.bits)
    }
}

/// For a step that failed before [`Creator::restore`].
impl Drop for Creator {
    fn drop(&mut self) {
        if !self.restored {
            let _ = self.go_back();
        }
    }
}

/// The file system ids follow the effective ones, as credentials(7) says.
fn switch(uid: Uid, gid: Gid) -> rustix::io::Result<()> {
    set_thread_res_gid(None, gid, None)?;
    set_thread_res_uid(None, uid, None)
}
