//! The program, run by an interpreter of the four instructions that it has.

use super::abi::{AARCH64, ARM, I386, X86_64};
use super::assembler::{JUMP_IF_BITS, JUMP_IF_EQUAL, LOAD_WORD, RETURN};
use super::*;

const NO_CALL: u32 = RET_ERRNO | 38;
const NO_FAMILY: u32 = RET_ERRNO | 97;
const NO_REQUEST: u32 = RET_ERRNO | 25;

/// What the filter says to a call with this first argument.
fn verdict(program: &[Instruction], architecture: u32, number: u32, argument: u64) -> u32 {
    verdict_of_two(program, architecture, number, [argument, 0])
}

fn verdict_of_two(
    program: &[Instruction],
    architecture: u32,
    number: u32,
    arguments: [u64; 2],
) -> u32 {
    let mut data = Vec::new();
    data.extend(number.to_ne_bytes());
    data.extend(architecture.to_ne_bytes());
    data.extend(0xdead_beef_u64.to_ne_bytes());
    for argument in arguments {
        data.extend(argument.to_ne_bytes());
    }
    let (mut at, mut word) = (0, 0);
    loop {
        let Instruction { code, jt, jf, k } = program[at];
        let jump = |taken: bool| usize::from(if taken { jt } else { jf });
        at += 1;
        match code {
            LOAD_WORD => {
                let from = usize::try_from(k).unwrap();
                word = u32::from_ne_bytes(data[from..from + 4].try_into().unwrap());
            }
            JUMP_IF_EQUAL => at += jump(word == k),
            JUMP_IF_BITS => at += jump(word & k != 0),
            RETURN => return k,
            other => panic!("no such instruction: {other:#x}"),
        }
    }
}

#[test]
fn keys_and_vsock_are_refused_in_every_abi() {
    for abis in [[X86_64, I386], [AARCH64, ARM]] {
        let program = program(&abis).unwrap();
        for abi in abis {
            let says = |number, argument| verdict(&program, abi.architecture, number, argument);
            for number in [abi.add_key, abi.request_key, abi.keyctl] {
                assert_eq!(says(number, 0), NO_CALL, "{abi:?} {number}");
            }
            // AF_UNIX, AF_INET, AF_NETLINK, AF_ALG and the neighbours.
            for family in [1, 2, 16, 38, 39, 41] {
                assert_eq!(says(abi.socket, family), RET_ALLOW, "{abi:?} {family}");
            }
            assert_eq!(says(abi.socket, 40), NO_FAMILY, "{abi:?}");
            // The kernel does not look at the upper half either.
            assert_eq!(says(abi.socket, 40 | 1 << 32), NO_FAMILY, "{abi:?}");
        }
    }
}

#[test]
fn subvolumes_that_choose_their_quota_groups_are_refused_in_every_abi() {
    for abis in [[X86_64, I386], [AARCH64, ARM]] {
        let program = program(&abis).unwrap();
        for abi in abis {
            let says =
                |request| verdict_of_two(&program, abi.architecture, abi.ioctl, [3, request]);
            let made = [BTRFS_IOC_SNAP_CREATE_V2, BTRFS_IOC_SUBVOL_CREATE_V2];
            for request in made.map(u64::from) {
                assert_eq!(says(request), NO_REQUEST, "{abi:?} {request:#x}");
                assert_eq!(says(request | 1 << 32), NO_REQUEST, "{abi:?}");
            }
            // BTRFS_IOC_SUBVOL_CREATE, TCGETS, and what is beside those that are refused.
            for request in [0x5000_940e, 0x5401, 0x5000_9416, 0x5000_9419] {
                assert_eq!(says(request), RET_ALLOW, "{abi:?} {request:#x}");
            }
            let other = [u64::from(BTRFS_IOC_SNAP_CREATE_V2), 0];
            let said = verdict_of_two(&program, abi.architecture, abi.ioctl, other);
            assert_eq!(said, RET_ALLOW, "a descriptor of that number");
        }
    }
}

#[test]
fn every_other_number_is_allowed() {
    for abis in [[X86_64, I386], [AARCH64, ARM]] {
        let program = program(&abis).unwrap();
        for abi in abis {
            let known = [abi.add_key, abi.request_key, abi.keyctl];
            for number in (0..1024).filter(|number| !known.contains(number)) {
                assert_eq!(verdict(&program, abi.architecture, number, 0), RET_ALLOW);
            }
        }
    }
}

#[test]
fn x32_is_missing_but_a_skipped_call_is_left_alone() {
    let program = program(&[X86_64, I386]).unwrap();
    let says = |number| verdict(&program, X86_64.architecture, number, 40);
    assert_eq!(says(X32), NO_CALL);
    assert_eq!(says(X32 | X86_64.socket), NO_CALL);
    assert_eq!(says(X32 | 512), NO_CALL);
    assert_eq!(says(SKIPPED), RET_ALLOW);
    assert_eq!(
        verdict(&program, I386.architecture, X32 | 1, 0),
        RET_ALLOW,
        "not a bit of this ABI's"
    );
}

#[test]
fn another_architecture_is_allowed() {
    let program = program(&[X86_64, I386]).unwrap();
    for number in [X86_64.keyctl, I386.keyctl, X86_64.socket] {
        assert_eq!(
            verdict(&program, AARCH64.architecture, number, 40),
            RET_ALLOW
        );
    }
}

#[test]
fn numbers_are_those_of_the_headers() {
    use linux_raw_sys::general::{
        __NR_add_key, __NR_ioctl, __NR_keyctl, __NR_request_key, __NR_socket,
    };
    let native = of_this_machine()[0];
    assert_eq!(
        [
            native.add_key,
            native.request_key,
            native.keyctl,
            native.socket,
            native.ioctl
        ],
        [
            __NR_add_key,
            __NR_request_key,
            __NR_keyctl,
            __NR_socket,
            __NR_ioctl
        ]
    );
}

#[test]
fn a_place_is_below_and_near() {
    assert!(assemble(&[Line::Here(()), Line::IfEqual(1, ())]).is_none());
    let far = |lines: usize| {
        let mut program = vec![Line::IfEqual(1, ())];
        program.resize(1 + lines, Line::Load(0));
        program.push(Line::Here(()));
        assemble(&program)
    };
    assert_eq!(far(255).unwrap()[0].jt, 255);
    assert!(far(256).is_none());
}
