//! What is promised of a shipped program's file: it is static, and the init,
//! which every VE executes, is small.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

/// What the init may have, stripped. Two thirds of a static program of Rust's are
/// the C library and what std needs for a panic; one copy of the file serves all
/// VEs, and what a VE pays for, its private memory, is a row of the benchmark.
const MOST: u64 = 1280 * 1024;

/// The program header of a dynamic loader's name, see elf(5).
const PT_INTERP: u64 = 3;

/// # Errors
/// The program at `path` asks for a dynamic loader, which a VE may not have.
pub(crate) fn must_be_static(path: &Path) -> Result<()> {
    let content = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    match asks_for_loader(&content) {
        Some(false) => Ok(()),
        Some(true) => bail!("{} is not static", path.display()),
        None => bail!("{} is not a 64-bit ELF program", path.display()),
    }
}

/// # Errors
/// The program at `path` is larger than an init may be.
pub(crate) fn must_be_small(path: &Path) -> Result<()> {
    let found = fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
    if found.len() > MOST {
        bail!(
            "{} has {} bytes, allowed is {MOST}",
            path.display(),
            found.len()
        );
    }
    Ok(())
}

/// Whether an ELF program has the header that names a loader; none where it is
/// no 64-bit ELF program.
fn asks_for_loader(content: &[u8]) -> Option<bool> {
    if !content.starts_with(b"\x7fELF\x02") {
        return None;
    }
    let big_endian = *content.get(5)? == 2;
    let number = |at: usize, length: usize| {
        let bytes = content.get(at..at.checked_add(length)?)?;
        let add = |sum: u64, byte: &u8| (sum << 8) | u64::from(*byte);
        let sum = if big_endian {
            bytes.iter().fold(0, add)
        } else {
            bytes.iter().rev().fold(0, add)
        };
        usize::try_from(sum).ok()
    };
    let (table, size, count) = (number(0x20, 8)?, number(0x36, 2)?, number(0x38, 2)?);
    for index in 0..count {
        let header = table.checked_add(index.checked_mul(size)?)?;
        if u64::try_from(number(header, 4)?) == Ok(PT_INTERP) {
            return Some(true);
        }
    }
    Some(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_dynamic_program_is_told_from_a_static_one() {
        let program = std::env::current_exe().unwrap();
        let error = must_be_static(&program).unwrap_err().to_string();
        assert_eq!(error, format!("{} is not static", program.display()));
        let busybox = Path::new("/bin/busybox");
        if busybox.exists() {
            must_be_static(busybox).unwrap();
        } else {
            println!("skipped in part: there is no {}", busybox.display());
        }
    }

    #[test]
    fn what_is_no_program_is_no_static_one() {
        assert_eq!(asks_for_loader(b"#!/bin/sh\n"), None);
        assert_eq!(asks_for_loader(b"\x7fELF\x02\x01"), None);
    }

    #[test]
    fn a_large_init_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("veld-init");
        fs::write(&path, vec![0; 1280 * 1024]).unwrap();
        must_be_small(&path).unwrap();
        fs::write(&path, vec![0; 1280 * 1024 + 1]).unwrap();
        assert!(must_be_small(&path).is_err());
    }
}
