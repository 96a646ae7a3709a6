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
mod charge;
#[cfg(feature = "server")]
mod config;
#[cfg(feature = "server")]
mod context;
#[cfg(feature = "server")]
mod entity;
#[cfg(feature = "server")]
mod meters;
#[cfg(feature = "server")]
mod provider;
#[cfg(feature = "server")]
mod refund;
#[cfg(feature = "server")]
mod rules;
#[cfg(feature = "server")]
mod sandbox;
#[cfg(feature = "server")]
mod service;
#[cfg(feature = "server")]
mod start;
#[cfg(feature = "server")]
mod store;
#[cfg(feature = "server")]
mod view;

#[cfg(feature = "server")]
pub use {
    config::{Config, ProviderName},
    context::{Payments, Payments as Service},
    provider::*,
    sandbox::Sandbox,
};
