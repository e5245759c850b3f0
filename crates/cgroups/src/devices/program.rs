//! A list of devices as a program for the kernel: a few instructions for each,
//! and at the end the refusal of all others.
//!
//! ```text
//!         w2 = access and kind, w3 = kind, w4 = major, w5 = minor; w2 = access
//! each:   unless kind, major and minor are those of the rule, go to the next
//!         unless access is within what the rule allows, go to the next
//!         return 1
//! last:   return 0
//! ```
//!
//! # Kernel
//! `struct bpf_cgroup_dev_ctx` of linux/bpf.h; the instructions are in
//! Documentation/bpf/standardization/instruction-set.rst.

use veld_sys::bpf::Instruction;
use veld_units::{DeviceKind, DeviceNumbers, DeviceRights};

use super::Wanted;

/// Codes: class, operation, and where the operand is from.
const LOAD_WORD: u8 = 0x61;
const MOVE: u8 = 0xbc;
const SET: u8 = 0xb4;
const AND: u8 = 0x54;
const SHIFT_RIGHT: u8 = 0x74;
const JUMP_UNLESS_EQUAL: u8 = 0x56;
const EXIT: u8 = 0x95;

/// Registers: what is returned, the context, and what is taken out of it.
const RESULT: u8 = 0;
const CONTEXT: u8 = 1;
const ACCESS: u8 = 2;
const KIND: u8 = 3;
const MAJOR: u8 = 4;
const MINOR: u8 = 5;

/// Where in the context: access in the high half of a word and kind in the low one.
const ACCESS_AND_KIND_AT: i16 = 0;
const MAJOR_AT: i16 = 4;
const MINOR_AT: i16 = 8;

/// The program for a list, which no jump of leads backwards.
pub(super) fn assemble(wanted: &Wanted) -> Vec<Instruction> {
    let mut program = vec![
        Instruction::new(LOAD_WORD, [ACCESS, CONTEXT], ACCESS_AND_KIND_AT, 0),
        Instruction::new(LOAD_WORD, [MAJOR, CONTEXT], MAJOR_AT, 0),
        Instruction::new(LOAD_WORD, [MINOR, CONTEXT], MINOR_AT, 0),
        Instruction::new(MOVE, [KIND, ACCESS], 0, 0),
        on(AND, KIND, 0xffff),
        on(SHIFT_RIGHT, ACCESS, 16),
    ];
    for (numbers, rights) in wanted {
        rule(&mut program, *numbers, *rights);
    }
    program.extend([on(SET, RESULT, 0), Instruction::new(EXIT, [0, 0], 0, 0)]);
    program
}

/// An instruction on one register and a number.
fn on(code: u8, register: u8, number: i32) -> Instruction {
    Instruction::new(code, [register, 0], 0, number)
}

fn rule(program: &mut Vec<Instruction>, numbers: DeviceNumbers, rights: DeviceRights) {
    // A jump past the rest of the rule, so many instructions from its end.
    let unless = |register: u8, number: i32, rest: i16| {
        Instruction::new(JUMP_UNLESS_EQUAL, [register, 0], rest, number)
    };
    let minor = numbers.minor.map(u32::cast_signed);
    let behind = i16::from(minor.is_some());
    program.push(unless(KIND, kind_bit(numbers.kind), 6 + behind));
    program.push(unless(MAJOR, numbers.major.cast_signed(), 5 + behind));
    program.extend(minor.map(|minor| unless(MINOR, minor, 5)));
    program.extend([
        Instruction::new(MOVE, [RESULT, ACCESS], 0, 0),
        on(AND, RESULT, !access_bits(rights)),
        unless(RESULT, 0, 2),
        on(SET, RESULT, 1),
        Instruction::new(EXIT, [0, 0], 0, 0),
    ]);
}

/// `BPF_DEVCG_DEV_BLOCK`, `BPF_DEVCG_DEV_CHAR`.
fn kind_bit(kind: DeviceKind) -> i32 {
    match kind {
        DeviceKind::Block => 1,
        DeviceKind::Character => 2,
    }
}

/// `BPF_DEVCG_ACC_MKNOD`, `_READ`, `_WRITE`.
fn access_bits(rights: DeviceRights) -> i32 {
    let all = [
        (DeviceRights::MAKE, 1),
        (DeviceRights::READ, 2),
        (DeviceRights::WRITE, 4),
    ];
    let given = all.into_iter().filter(|(right, _)| rights.covers(*right));
    given.fold(0, |bits, (_, bit)| bits | bit)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a program as the kernel would, on a context of three words.
    fn run(program: &[Instruction], context: [u32; 3]) -> u32 {
        let mut registers = [0_u32; 11];
        let mut at = 0;
        for _ in 0..program.len() {
            let instruction = program[at];
            let [to, from] = instruction.registers().map(usize::from);
            let number = instruction.immediate.cast_unsigned();
            at += 1;
            match instruction.code {
                LOAD_WORD => {
                    assert_eq!(from, usize::from(CONTEXT));
                    let word = usize::try_from(instruction.offset / 4).unwrap();
                    registers[to] = context[word];
                }
                MOVE => registers[to] = registers[from],
                SET => registers[to] = number,
                AND => registers[to] &= number,
                SHIFT_RIGHT => registers[to] >>= number,
                JUMP_UNLESS_EQUAL if registers[to] != number => {
                    at += usize::try_from(instruction.offset).unwrap();
                }
                JUMP_UNLESS_EQUAL => {}
                EXIT => return registers[usize::from(RESULT)],
                other => panic!("no instruction has the code {other:#x}"),
            }
        }
        panic!("the program does not end");
    }

    /// Whether a list lets `rights` on `numbers` pass.
    fn allows(list: &[(&str, &str)], numbers: &str, rights: &str) -> bool {
        let list: Wanted = list
            .iter()
            .map(|(numbers, rights)| (numbers.parse().unwrap(), rights.parse().unwrap()))
            .collect();
        let asked: DeviceNumbers = numbers.parse().unwrap();
        let access = access_bits(rights.parse().unwrap()).cast_unsigned();
        let kind = kind_bit(asked.kind).cast_unsigned();
        let context = [access << 16 | kind, asked.major, asked.minor.unwrap()];
        run(&assemble(&list), context) == 1
    }

    const LIST: [(&str, &str); 4] = [
        ("c:1:3", "rw"),
        ("c:136:*", "rw"),
        ("b:7:*", "r"),
        ("b:7:0", "w"),
    ];

    #[test]
    fn what_is_on_the_list_passes_and_nothing_else() {
        for (numbers, rights, passes) in [
            ("c:1:3", "rw", true),
            ("c:1:3", "r", true),
            ("c:1:3", "rwm", false),
            ("c:1:3", "m", false),
            ("c:1:5", "r", false),
            ("b:1:3", "r", false),
            ("c:136:0", "rw", true),
            ("c:136:1048575", "rw", true),
            ("c:137:0", "r", false),
            ("b:7:5", "r", true),
            ("b:7:5", "w", false),
            ("b:7:0", "r", true),
            ("b:7:0", "w", true),
            // Either rule allows a part, none allows both.
            ("b:7:0", "rw", false),
            ("c:7:0", "r", false),
            ("c:4095:0", "r", false),
        ] {
            assert_eq!(allows(&LIST, numbers, rights), passes, "{numbers} {rights}");
        }
    }

    #[test]
    fn an_empty_list_lets_nothing_pass() {
        assert!(!allows(&[], "c:1:3", "r"));
    }

    #[test]
    fn an_access_that_is_not_known_yet_does_not_pass() {
        let all = "c:1:3".parse().unwrap();
        let list: Wanted = [(all, "rwm".parse().unwrap())].into();
        let program = assemble(&list);
        assert_eq!(run(&program, [7 << 16 | 2, 1, 3]), 1);
        assert_eq!(run(&program, [8 << 16 | 2, 1, 3]), 0);
        assert_eq!(run(&program, [7 << 16 | 4, 1, 3]), 0);
    }
}
