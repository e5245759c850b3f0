//! A terminal of a VE, relayed to the user's.
