//! Accounts, sessions, profiles and addresses. Start with `api.rs`.

mod api;
mod claims;
mod error;
mod events;
mod fields;
mod types;

pub use api::*;
pub use claims::AccessClaims;
pub use error::UserError;
pub use events::*;
pub use types::*;

#[cfg(feature = "server")]
mod confirm;
#[cfg(feature = "server")]
mod entity;
#[cfg(feature = "server")]
mod password;
#[cfg(feature = "server")]
mod service;
#[cfg(feature = "server")]
mod start;
#[cfg(feature = "server")]
mod store;
#[cfg(feature = "server")]
mod tokens;

#[cfg(feature = "server")]
pub use {service::Users, start::*};
