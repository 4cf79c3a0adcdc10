//! The composition root: from a configuration to a running program, and to its end.
