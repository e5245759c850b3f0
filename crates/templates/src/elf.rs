//! The architecture that a program is for, from its ELF header.

/// The name that uname(1) has for the machine of an ELF file; nothing for other
/// files and for machines that Linux distributions no longer have.
///
/// # Format
/// elf(5): magic, class (32 or 64 bits), byte order; the machine is the 16-bit
/// number at offset 18.
pub(crate) fn architecture(file: &[u8]) -> Option<&'static str> {
    let header = file.get(..20)?;
    let [0x7f, b'E', b'L', b'F', class, order, ..] = header else {
        return None;
    };
    let machine: [u8; 2] = header.get(18..20)?.try_into().ok()?;
    let little = *order == 1;
    let machine = if little {
        u16::from_le_bytes(machine)
    } else {
        u16::from_be_bytes(machine)
    };
    match (machine, *class) {
        (3, _) => Some("i686"),
        (8, _) => Some(if little { "mipsel" } else { "mips" }),
        (20, _) => Some("ppc"),
        (21, _) => Some(if little { "ppc64le" } else { "ppc64" }),
        (22, _) => Some("s390x"),
        (40, _) => Some("arm"),
        // The class tells the x32 ABI, which runs on the same machine.
        (62, _) => Some("x86_64"),
        (183, _) => Some("aarch64"),
        (243, 1) => Some("riscv32"),
        (243, _) => Some("riscv64"),
        (258, _) => Some("loongarch64"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_program_is_of_this_machine() {
        let own = std::fs::read("/proc/self/exe").unwrap();
        let machine = rustix::system::uname();
        assert_eq!(architecture(&own), machine.machine().to_str().ok());
    }

    #[test]
    fn scripts_and_stumps_have_none() {
        assert_eq!(architecture(b"#!/bin/sh\nexec sleep 1\n"), None);
        assert_eq!(architecture(b"\x7fELF"), None);
    }
}
