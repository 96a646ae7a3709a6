//! Orders: from the cart to the door. Start with `api.rs`, then `checkout.rs`.

mod api;
mod error;
mod events;
mod types;

pub use api::*;
pub use error::*;
pub use events::*;
pub use types::*;

#[cfg(feature = "server")]
mod cancel;
#[cfg(feature = "server")]
mod checkout;
#[cfg(feature = "server")]
mod effects;
#[cfg(feature = "server")]
mod entity;
#[cfg(feature = "server")]
mod pay;
#[cfg(feature = "server")]
mod rules;
#[cfg(feature = "server")]
mod service;
#[cfg(feature = "server")]
mod start;
#[cfg(feature = "server")]
mod store;
#[cfg(feature = "server")]
mod tell;
#[cfg(feature = "server")]
mod view;
#[cfg(feature = "server")]
mod window;

#[cfg(feature = "server")]
pub use {service::Orders, start::*};
