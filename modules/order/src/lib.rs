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
mod config;
#[cfg(feature = "server")]
mod context;
#[cfg(feature = "server")]
mod effects;
#[cfg(feature = "server")]
mod entity;
#[cfg(feature = "server")]
mod expire;
#[cfg(feature = "server")]
mod fault;
#[cfg(feature = "server")]
mod job_loop;
#[cfg(feature = "server")]
mod list;
#[cfg(feature = "server")]
mod meters;
#[cfg(feature = "server")]
mod pay;
#[cfg(feature = "server")]
mod publish;
#[cfg(feature = "server")]
mod recover;
#[cfg(feature = "server")]
mod rules;
#[cfg(feature = "server")]
mod service;
#[cfg(feature = "server")]
mod set_status;
#[cfg(feature = "server")]
mod start;
#[cfg(feature = "server")]
mod store;
#[cfg(feature = "server")]
mod view;

#[cfg(feature = "server")]
pub use {
    config::Config,
    context::{Orders, Orders as Service},
    start::Peers,
};
