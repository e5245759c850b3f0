//! The numbers of the calls that a filter looks at. They never change.

/// One way into the kernel.
#[derive(Debug, Clone, Copy)]
pub(super) struct Abi {
    /// Its `AUDIT_ARCH_` number.
    pub(super) architecture: u32,
    pub(super) add_key: u32,
    pub(super) request_key: u32,
    pub(super) keyctl: u32,
    pub(super) socket: u32,
    pub(super) ioctl: u32,
    /// Whether the calls exist once more with the bit [`X32`] set.
    pub(super) has_x32: bool,
}

/// The bit that tells an x32 call from one of `x86_64`.
pub(super) const X32: u32 = 1 << 30;

pub(super) const X86_64: Abi = Abi {
    architecture: 0xc000_003e,
    add_key: 248,
    request_key: 249,
    keyctl: 250,
    socket: 41,
    ioctl: 16,
    has_x32: true,
};

pub(super) const I386: Abi = Abi {
    architecture: 0x4000_0003,
    add_key: 286,
    request_key: 287,
    keyctl: 288,
    socket: 359,
    ioctl: 54,
    has_x32: false,
};

pub(super) const AARCH64: Abi = Abi {
    architecture: 0xc000_00b7,
    add_key: 217,
    request_key: 218,
    keyctl: 219,
    socket: 198,
    ioctl: 29,
    has_x32: false,
};

pub(super) const ARM: Abi = Abi {
    architecture: 0x4000_0028,
    add_key: 309,
    request_key: 310,
    keyctl: 311,
    socket: 281,
    ioctl: 54,
    has_x32: false,
};

/// The ABIs by which programs enter this machine's kernel, the usual one first.
pub(super) fn of_this_machine() -> &'static [Abi] {
    if cfg!(target_arch = "x86_64") {
        &[X86_64, I386]
    } else if cfg!(target_arch = "aarch64") {
        &[AARCH64, ARM]
    } else {
        &[]
    }
}
