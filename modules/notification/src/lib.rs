//! E-mail and SMS to users about their accounts and orders. Start with `api.rs`, then `service.rs` and `sender.rs`.

mod api;
mod error;
mod listen;
mod types;

pub use api::*;
pub use error::*;
pub use types::*;

#[cfg(feature = "server")]
mod config;
#[cfg(feature = "server")]
mod context;
#[cfg(feature = "server")]
mod entity;
#[cfg(feature = "server")]
mod examples;
#[cfg(feature = "server")]
mod handle;
#[cfg(feature = "server")]
mod interpret;
#[cfg(feature = "server")]
mod mail;
#[cfg(feature = "server")]
mod mailbox;
#[cfg(feature = "server")]
mod notice;
#[cfg(feature = "server")]
mod outcome;
#[cfg(feature = "server")]
mod retry;
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
mod text;
#[cfg(feature = "server")]
mod view;
#[cfg(feature = "server")]
mod wake;

#[cfg(feature = "server")]
pub use {
    config::*,
    context::{Notifications, Notifications as Service},
    store::Store,
};
