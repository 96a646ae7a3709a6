//! Products, categories and stock. Start with `api.rs`.

mod api;
mod error;
mod types;

pub use api::*;
pub use error::ProductError;
pub use types::*;

#[cfg(feature = "server")]
mod demo;
#[cfg(feature = "server")]
mod entity;
#[cfg(feature = "server")]
mod rules;
#[cfg(feature = "server")]
mod service;
#[cfg(feature = "server")]
mod sort_key;
#[cfg(feature = "server")]
mod start;
#[cfg(feature = "server")]
mod store;

#[cfg(feature = "server")]
pub use {service::Products, start::*};
