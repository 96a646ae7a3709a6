//! Carts. Start with `api.rs`.

mod api;
mod error;
mod types;

pub use api::*;
pub use error::*;
pub use types::*;

#[cfg(feature = "server")]
mod entity;
#[cfg(feature = "server")]
mod service;
#[cfg(feature = "server")]
mod start;
#[cfg(feature = "server")]
mod store;
#[cfg(feature = "server")]
mod view;

#[cfg(feature = "server")]
pub use {service::Carts, start::*, store::Store};
