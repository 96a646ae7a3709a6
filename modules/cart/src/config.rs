//! Settings of the module.

use kernel::db::Pool;
use serde::{Deserialize, Serialize};

/// Settings of the module.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// URL of the store, e.g. `sqlite://data/cart.db`, `postgres://cart@db/cart`, or `redis://cache:6379` (`rediss://` with TLS).
    pub database_url: String,
    /// Pool of the store.
    pub pool: Pool,
    /// Prefix of all keys in Redis.
    pub key_prefix: String,
    /// Milliseconds that Redis may take to answer a command; then the call is answered `unavailable`.
    pub response_timeout_ms: u64,
    /// Hours that a cart lives after its last use, 1 to 8760 (a year).
    pub expiry_hours: u32,
    /// Seconds between two removals of expired carts; at least 1. Redis removes them by itself.
    pub sweep_seconds: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            database_url: "sqlite://data/cart.db".into(),
            pool: Pool::default(),
            key_prefix: "cart".into(),
            response_timeout_ms: 1_000,
            expiry_hours: 24,
            sweep_seconds: 300,
        }
    }
}
