//! The filter on the running kernel: what programs get that are started with it.
//!
//! The programs are a few instructions of machine code each, since a call is to
//! be made by its number and by each of the ways into the kernel.
#![cfg(target_arch = "x86_64")]
#![allow(clippy::unwrap_used, reason = "a test may end by a panic")]

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketType, socket};
use veld_privileges::refuse_calls;

/// `syscall`, and `int 0x80`, which is i386 to the kernel.
const NATIVE: [u8; 2] = [0x0f, 0x05];
const I386: [u8; 2] = [0xcd, 0x80];

const ENOSYS: i32 = 38;
const EAFNOSUPPORT: i32 = 97;

/// An executable that makes one call with two arguments and exits with the
/// errno, or 0. See elf(5).
fn program(way: [u8; 2], number: u32, arguments: [u32; 2]) -> Vec<u8> {
    let [first, second] = arguments;
    let mut code = vec![0xb8];
    code.extend(number.to_le_bytes());
    // edi and ebx, esi and ecx: where either way looks for its arguments. The
    // third, SOCK_STREAM's protocol or what keyctl ignores, is 0 at the start.
    for (one, other, value) in [(0xbf, 0xbb, first), (0xbe, 0xb9, second)] {
        for register in [one, other] {
            code.push(register);
            code.extend(value.to_le_bytes());
        }
    }
    code.extend(way);
    // if eax >= 0 { edi = 0 } else { edi = -eax }; exit_group(edi)
    code.extend([0x31, 0xff, 0x85, 0xc0, 0x79, 0x04, 0xf7, 0xd8, 0x89, 0xc7]);
    code.extend([0xb8, 0xe7, 0, 0, 0, 0x0f, 0x05]);
    let header: u64 = 64 + 56;
    let size = header + u64::try_from(code.len()).unwrap();
    let base: u64 = 0x40_0000;
    let mut file = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    file.extend([2, 0, 62, 0, 1, 0, 0, 0]);
    for offset in [base + header, 64, 0] {
        file.extend(offset.to_le_bytes());
    }
    file.extend([0, 0, 0, 0, 64, 0, 56, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    file.extend([1, 0, 0, 0, 5, 0, 0, 0]);
    for field in [0, base, base, size, size, 0x1000] {
        file.extend(field.to_le_bytes());
    }
    file.extend(code);
    file
}

#[expect(clippy::disallowed_methods, reason = "a test that starts programs")]
fn command(program: &Path) -> std::process::Command {
    std::process::Command::new(program)
}

/// Runs such a program.
#[expect(clippy::disallowed_methods, reason = "a file of this test's own")]
fn call(way: [u8; 2], number: u32, arguments: [u32; 2]) -> std::process::ExitStatus {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("call");
    std::fs::write(&path, program(way, number, arguments)).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    command(&path).status().unwrap()
}

/// The errno of the call, or 0.
fn errno_of(way: [u8; 2], number: u32, arguments: [u32; 2]) -> i32 {
    let status = call(way, number, arguments);
    status.code().unwrap_or_else(|| panic!("{status}"))
}

#[test]
fn a_program_of_a_ve_has_neither_keys_nor_vsock() {
    // Root of a user namespace, as whoever starts a VE's programs is.
    let itself = std::env::current_exe().unwrap();
    let mut unshare = command(Path::new("unshare"));
    unshare.args(["--user", "--map-root-user"]);
    if !unshare
        .arg("true")
        .status()
        .is_ok_and(|status| status.success())
    {
        eprintln!("skipped: no user namespace can be made here");
        return;
    }
    let mut unshare = command(Path::new("unshare"));
    let status = unshare
        .args(["--user", "--map-root-user"])
        .arg(itself)
        .args(["--exact", "refused", "--ignored"])
        .status()
        .unwrap();
    assert!(status.success(), "refused: {status}");
}

#[test]
#[ignore = "run by a_program_of_a_ve_has_neither_keys_nor_vsock: it filters its thread for good"]
fn refused() {
    // getpid; a kernel without such calls ends the program by SIGSEGV.
    let i386 = call(I386, 20, [0, 0]).success();
    // KEYCTL_GET_KEYRING_ID of the thread's ring, which has none: ENOKEY.
    assert_eq!(errno_of(NATIVE, 250, [0, u32::MAX]), 126);
    refuse_calls().unwrap();

    let vsock = socket(AddressFamily::VSOCK, SocketType::STREAM, None);
    assert_eq!(vsock.unwrap_err(), Errno::AFNOSUPPORT);
    socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();

    // The same after exec, by number.
    for number in [248, 249, 250] {
        assert_eq!(errno_of(NATIVE, number, [0, 0]), ENOSYS, "{number}");
    }
    assert_eq!(errno_of(NATIVE, 41, [40, 1]), EAFNOSUPPORT);
    assert_eq!(errno_of(NATIVE, 41, [2, 1]), 0);
    // getpid of x32.
    assert_eq!(errno_of(NATIVE, 1 << 30 | 39, [0, 0]), ENOSYS);
    if i386 {
        for number in [286, 287, 288] {
            assert_eq!(errno_of(I386, number, [0, 0]), ENOSYS, "i386 {number}");
        }
        assert_eq!(errno_of(I386, 359, [40, 1]), EAFNOSUPPORT);
        assert_eq!(errno_of(I386, 359, [2, 1]), 0);
        assert_eq!(errno_of(I386, 20, [0, 0]), 0);
    } else {
        eprintln!("skipped in part: this kernel has no i386 calls");
    }
    // A filter over a filter, as a service's own would be.
    refuse_calls().unwrap();
    assert_eq!(errno_of(NATIVE, 250, [0, 0]), ENOSYS);
}
