//! The configuration file: read, checked, and turned into what each module is told.
