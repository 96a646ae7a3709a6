//! E-mail and SMS about what happens to users and their orders. Start with `api.rs`, then `service.rs` and `sender.rs`.

mod api;
mod error;
mod listen;
mod types;

pub use api::*;
pub use error::*;
pub use listen::*;
pub use types::*;

#[cfg(feature = "server")]
mod config;
#[cfg(feature = "server")]
mod entity;
#[cfg(feature = "server")]
mod mail;
#[cfg(feature = "server")]
mod mailbox;
#[cfg(feature = "server")]
mod news;
#[cfg(feature = "server")]
mod outcome;
#[cfg(feature = "server")]
mod rules;
#[cfg(feature = "server")]
mod sender;
#[cfg(feature = "server")]
mod service;
#[cfg(feature = "server")]
mod sms;
#[cfg(feature = "server")]
mod start;
#[cfg(feature = "server")]
mod store;
#[cfg(feature = "server")]
mod templates;

#[cfg(feature = "server")]
pub use {config::*, service::Notifications, start::*, store::Store};
