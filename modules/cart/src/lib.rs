//! Carts. Start with `api.rs`, then `service.rs`.

mod api;
mod error;
mod types;

pub use api::*;
pub use error::*;
pub use types::*;

#[cfg(feature = "server")]
mod config;
#[cfg(feature = "server")]
mod entity;
#[cfg(feature = "server")]
mod service;
#[cfg(feature = "server")]
mod start;
#[cfg(feature = "server")]
mod store;

#[cfg(feature = "server")]
pub use {
    config::Config,
    service::{Carts, Carts as Service},
    start::Peers,
    store::Store,
};
