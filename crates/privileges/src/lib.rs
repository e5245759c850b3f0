//! Capabilities, resource limits and identity of a process that becomes a VE's.
