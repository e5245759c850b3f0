//! Capabilities that no process of a VE can ever have.

use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, clear_ambient_capability_set,
    remove_capability_from_bounding_set, set_capabilities,
};
use veld_sys::{Context, Failure, fault};

/// What is withheld, by name and set.
///
/// Within a user namespace most of these give nothing that the kernel would
/// honour, but distributions look for them and then start units that must fail.
///
/// cap_sys_resource is another matter: whoever has it over a user namespace may
/// raise `user.max_*` of it, and so the limits that it was given from outside.
/// Nothing else is lost by its absence. Raising a resource limit, lowering an
/// out-of-memory score and going past a disk's reserve take it over the host,
/// which nobody in a VE ever has; a nested user namespace has one of its own.
pub const WITHHELD: [(&str, CapabilitySet); 8] = [
    ("cap_sys_module", CapabilitySet::SYS_MODULE),
    ("cap_sys_rawio", CapabilitySet::SYS_RAWIO),
    ("cap_sys_resource", CapabilitySet::SYS_RESOURCE),
    ("cap_mac_admin", CapabilitySet::MAC_ADMIN),
    ("cap_mac_override", CapabilitySet::MAC_OVERRIDE),
    ("cap_sys_time", CapabilitySet::SYS_TIME),
    ("cap_audit_read", CapabilitySet::AUDIT_READ),
    ("cap_audit_control", CapabilitySet::AUDIT_CONTROL),
];

/// Takes [`WITHHELD`] out of every capability set of this process, and empties
/// the inheritable and ambient sets.
///
/// # Errors
/// EPERM without CAP_SETPCAP in the process's user namespace.
///
/// # Kernel
/// capabilities(7); the bounding set of a thread: Linux 2.6.25.
pub fn withhold() -> Result<(), Failure> {
    fault::point("drop capabilities").context(|| "drop capabilities")?;
    let mut gone = CapabilitySet::empty();
    for (name, capability) in WITHHELD {
        remove_capability_from_bounding_set(capability)
            .context(|| format!("drop {name} from the bounding set"))?;
        gone |= capability;
    }
    clear_ambient_capability_set().context(|| "clear ambient capabilities")?;
    let held = capabilities(None).context(|| "read capabilities")?;
    let left = CapabilitySets {
        effective: held.effective - gone,
        permitted: held.permitted - gone,
        inheritable: CapabilitySet::empty(),
    };
    set_capabilities(None, left).context(|| "drop capabilities")
}
