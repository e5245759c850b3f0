//! One group per VE in cgroup v2 and in every v1 hierarchy.
