//! What tool, launcher, shim and init say to each other.
