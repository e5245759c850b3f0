//! The private area of a VE on disk.
