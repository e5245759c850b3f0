//! What is on record of a VE while it runs and after.
