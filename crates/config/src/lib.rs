//! What an administrator may set for a VE and for the host.
