//! Creating, mapping and joining Linux namespaces.
