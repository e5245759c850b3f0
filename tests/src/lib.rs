//! Suites that boot real distributions.
