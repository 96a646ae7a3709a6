//! Payments and refunds through a provider. Start with `api.rs`.

mod api;
mod error;
mod events;
mod types;

pub use api::*;
pub use error::*;
pub use events::*;
pub use types::*;

#[cfg(feature = "server")]
mod entity;
#[cfg(feature = "server")]
mod provider;
#[cfg(feature = "server")]
mod sandbox;
#[cfg(feature = "server")]
mod service;
#[cfg(feature = "server")]
mod start;
#[cfg(feature = "server")]
mod store;

#[cfg(feature = "server")]
pub use {provider::*, sandbox::Sandbox, service::Payments, start::*};
