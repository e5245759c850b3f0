//! The mount tree of a VE and safe look-ups below a foreign root.
