//! The floor everything stands on: the system calls that rustix and nix do not
//! wrap, and the one shape of an error that has an operation, its operands and
//! an errno.
//!
//! This is the only crate of the workspace that may say `unsafe`. Each function
//! is one meaning (`clone_into`, not `clone3` with flags), takes borrowed and
//! returns owned descriptors, and ends with a `# Kernel` section.
//!
//! What this crate must not know: VEs, cgroup layouts, config, or any path.
//!
//! # Safety
//!
//! Unsafe code here is of three kinds, and each block says which obligation it
//! meets: a raw system call whose pointers live across the call; a descriptor
//! number just returned by the kernel and owned by nobody else; a fork or clone
//! of a process that has no other thread.
#![allow(
    unsafe_code,
    reason = "this crate is where the workspace keeps its unsafe code"
)]

pub mod bpf;
pub mod btrfs;
pub mod credentials;
pub mod descriptor;
pub mod entry;
pub mod exec;
mod failure;
pub mod fault;
pub mod growth;
pub mod guard;
pub mod handle;
mod ioctl;
pub mod keyring;
pub mod loop_device;
pub mod mount;
pub mod packet;
pub mod personality;
pub mod process;
pub mod quota;
pub mod scheduling;
pub mod seccomp;
pub mod signal;
pub mod stillness;
pub mod tool;

pub use failure::{Context, Failure, chain};
