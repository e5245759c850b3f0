//! Lines with named places into the kernel's classic BPF.
//!
//! Only instructions that the kernel can evaluate ahead are here: a number that
//! is allowed by them alone never runs the filter.

use veld_sys::seccomp::Instruction;

/// One line of a program; `P` names places.
#[derive(Debug, Clone, Copy)]
pub(super) enum Line<P> {
    /// A place, which is no instruction.
    Here(P),
    /// Loads the word at this offset of `struct seccomp_data`.
    Load(u32),
    /// Goes to the place if the word is this.
    IfEqual(u32, P),
    /// Goes to the place if the word has one of these bits.
    IfBits(u32, P),
    /// Ends with this verdict.
    Return(u32),
}

/// From `linux/bpf_common.h`: class, size or operation, mode.
pub(super) const LOAD_WORD: u16 = 0x20;
pub(super) const JUMP_IF_EQUAL: u16 = 0x15;
pub(super) const JUMP_IF_BITS: u16 = 0x45;
pub(super) const RETURN: u16 = 0x06;

/// The program, or nothing where a place is not below the line that goes there,
/// or is more than 255 instructions away.
pub(super) fn assemble<P: PartialEq>(lines: &[Line<P>]) -> Option<Vec<Instruction>> {
    let mut program = Vec::with_capacity(lines.len());
    let mut below = lines;
    while let Some((line, rest)) = below.split_first() {
        below = rest;
        let (code, k, if_so) = match line {
            Line::Here(_) => continue,
            Line::Load(offset) => (LOAD_WORD, *offset, 0),
            Line::IfEqual(word, place) => (JUMP_IF_EQUAL, *word, distance(place, below)?),
            Line::IfBits(bits, place) => (JUMP_IF_BITS, *bits, distance(place, below)?),
            Line::Return(verdict) => (RETURN, *verdict, 0),
        };
        program.push(Instruction {
            code,
            jt: if_so,
            jf: 0,
            k,
        });
    }
    Some(program)
}

/// Instructions between a jump and the place.
fn distance<P: PartialEq>(place: &P, below: &[Line<P>]) -> Option<u8> {
    let lines = below
        .iter()
        .position(|line| matches!(line, Line::Here(here) if here == place))?;
    let skipped = below
        .iter()
        .take(lines)
        .filter(|line| !matches!(line, Line::Here(_)));
    u8::try_from(skipped.count()).ok()
}
