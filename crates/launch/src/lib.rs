//! From clone to exec: PID 1 of a VE, and processes that join it.
