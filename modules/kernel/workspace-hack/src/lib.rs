//! Nothing, on purpose: this crate is its `Cargo.toml`.
//!
//! Cargo builds a dependency with the features that the *selected* members ask for, so that `cargo run`, then `cargo test -p product`
//! would build `tokio`, and with it two hundred crates that stand on it, a second time. This crate asks, in one place that every member
//! can be reached from, for what some member asks for anyway; a test in `tests/it/architecture.rs` names what is missing. The idea and the
//! name are those of [cargo-hakari](https://docs.rs/cargo-hakari); it would write every feature of every crate here, and lean builds
//! would lose.
