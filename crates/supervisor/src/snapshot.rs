//! Snapshots of VEs.

mod due;
mod tree;
