//! Routed links of VEs, their addresses and the static rules of the host.
