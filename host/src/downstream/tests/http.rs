//! HTTP, both eras.
