//! Settings of the module.

use kernel::db::Pool;
use serde::{Deserialize, Serialize};

/// Settings of the module.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// URL of the database, e.g. `sqlite://data/order.db`.
    pub database_url: String,
    /// Connections to the database.
    pub pool: Pool,
    /// Seconds that an order may stay unpaid before it expires; at least 1.
    pub unpaid_seconds: u64,
    /// Seconds between two runs of the jobs that expire orders, end stale ones and run effects; at least 1.
    pub sweep_seconds: u64,
}

impl Default for Config {
    fn default() -> Self {
        let database_url = "sqlite://data/order.db".into();
        Self { database_url, pool: Pool::default(), unpaid_seconds: 30 * 60, sweep_seconds: 2 }
    }
}
