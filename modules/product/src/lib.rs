//! Products, categories and stock. Start with `api.rs`, then `service.rs`.

mod api;
mod error;
mod events;
mod ids;
mod sort;
mod types;

pub use api::*;
pub use error::ProductError;
pub use events::*;
pub use ids::*;
pub use sort::*;
pub use types::*;

#[cfg(feature = "server")]
mod attributes;
#[cfg(feature = "server")]
mod categories;
#[cfg(feature = "server")]
mod config;
#[cfg(feature = "server")]
mod context;
#[cfg(feature = "server")]
mod csv;
#[cfg(feature = "server")]
mod demo;
#[cfg(feature = "server")]
mod entity;
#[cfg(feature = "server")]
mod export;
#[cfg(feature = "server")]
mod facets;
#[cfg(feature = "server")]
mod holds;
#[cfg(feature = "server")]
mod import;
#[cfg(feature = "server")]
mod list;
#[cfg(feature = "server")]
mod low;
#[cfg(feature = "server")]
mod made_up;
#[cfg(feature = "server")]
mod media;
#[cfg(feature = "server")]
mod meters;
#[cfg(feature = "server")]
mod name_keys;
#[cfg(feature = "server")]
mod pictures;
#[cfg(feature = "server")]
mod products;
#[cfg(feature = "server")]
mod rules;
#[cfg(feature = "server")]
mod seed;
#[cfg(feature = "server")]
mod service;
#[cfg(feature = "server")]
mod slugs;
#[cfg(feature = "server")]
mod start;
#[cfg(feature = "server")]
mod stock;
#[cfg(feature = "server")]
mod store;
#[cfg(feature = "server")]
mod translations;
#[cfg(feature = "server")]
mod variants;
#[cfg(feature = "server")]
mod view;

#[cfg(feature = "server")]
pub use {
    config::Config,
    context::{Products, Products as Service},
    export::Export,
    import::{ImportCounts, ImportOptions},
};
