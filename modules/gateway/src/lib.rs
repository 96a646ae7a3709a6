//! The gateway: the public operations of all modules behind one address. Start with `app.rs`, then `entry.rs`.

mod app;
mod auth;
mod client;
mod config;
mod docs;
mod document;
mod entry;
mod headers;
mod health;
mod home;
#[cfg_attr(not(feature = "actix-governor"), path = "unlimited.rs")]
mod limits;
mod mailbox;
mod operations;
mod security;
mod start;

pub use app::Gateway;
pub use client::Network;
pub use config::{Config, Limiting};
pub use document::openapi;
pub use start::start;
