//! OS templates: built, imported, listed, removed.
