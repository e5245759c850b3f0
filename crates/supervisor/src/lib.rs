//! Actions on VEs, composed of the leaves.
