//! Nothing: only the tests matter (see `Cargo.toml`).
