//! Accounts, sessions, profiles and addresses. Start with `api.rs`, then `service.rs`.

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
mod access;
#[cfg(feature = "server")]
mod account;
#[cfg(feature = "server")]
mod addresses;
#[cfg(feature = "server")]
mod attempts;
#[cfg(feature = "server")]
mod change_password;
#[cfg(feature = "server")]
mod config;
#[cfg(feature = "server")]
mod confirm;
#[cfg(feature = "server")]
mod context;
#[cfg(feature = "server")]
mod entity;
#[cfg(feature = "server")]
mod login;
#[cfg(feature = "server")]
mod meters;
#[cfg(feature = "server")]
mod operator;
#[cfg(feature = "server")]
mod password;
#[cfg(feature = "server")]
mod register;
#[cfg(feature = "server")]
mod rules;
#[cfg(feature = "server")]
mod secrets;
#[cfg(feature = "server")]
mod service;
#[cfg(feature = "server")]
mod sessions;
#[cfg(feature = "server")]
mod signer;
#[cfg(feature = "server")]
mod start;
#[cfg(feature = "server")]
mod store;
#[cfg(feature = "server")]
mod sweep;
#[cfg(feature = "server")]
mod view;

#[cfg(feature = "server")]
pub use {
    config::Config,
    context::{Users, Users as Service},
    operator::{DEMO_ACCOUNTS, DemoAccount},
};
