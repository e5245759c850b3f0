//! Sizes, CPU shares, counts, durations and devices as administrators write them.
//!
//! Each type is a number, or a few, that cannot be out of range. It is read with
//! `FromStr`, which serves config files and the command line with the same
//! words, and its `Display` writes a text that reads back as the same number.
//! The words are those of OpenVZ where OpenVZ has some: `512M`, `128P` (pages),
//! `150%` of one CPU, cpuunits, `400M:512M` (barrier and limit).
//!
//! No text is accepted that two people could read as two numbers: no sign, no
//! white space, no exponent, no digit grouping.
//!
//! What this crate must not know: which parameter a number is for, where it was
//! written, and the files of the kernel that it ends in.

mod bytes;
mod count;
mod cpu;
mod device;
mod error;
mod number;
mod pair;
mod quoted;
mod timespan;

pub use bytes::Bytes;
pub use count::Count;
pub use cpu::{CpuUnits, Percent};
pub use device::{DeviceKind, DeviceNumbers, DeviceRights};
pub use error::Error;
pub use pair::BarrierLimit;
pub use quoted::Quoted;
pub use timespan::Timespan;

#[cfg(test)]
mod tests;
