//! How the module is started.

use crate::{Carts, store::Store};
use kernel::{
    BoxError, Health,
    chrono::TimeDelta,
    db::{Db, Pool},
    idempotency,
    jobs::Jobs,
};
use product::ProductClient;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Settings of the module.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Its store, e.g. `sqlite://data/cart.db`, `postgres://cart@db/cart`, or `redis://cache:6379` (`rediss://` with TLS).
    pub database_url: String,
    /// Pool of the store.
    pub pool: Pool,
    /// What the names of all keys in Redis begin with.
    pub key_prefix: String,
    /// Milliseconds that Redis may take to answer a command; then the call is answered `unavailable`.
    pub response_timeout_ms: u64,
    /// Hours that a cart lives after it was last used, 1 to 8760 (a year).
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

/// Starts the module and its `jobs`, which bring its store up as soon as it can be reached. `product` is the way to the product
/// module.
///
/// # Errors
/// When a setting cannot be used.
pub async fn start(config: &Config, product: ProductClient, jobs: &Jobs) -> Result<Carts, BoxError> {
    if !(1..=8760).contains(&config.expiry_hours) {
        return Err("cart.expiry_hours must be 1 to 8760".into());
    }
    let store = Store::open(config).await?;
    store.keep_up(jobs);
    if let Store::Sql(db) = &store {
        sweep(db, config.sweep_seconds, jobs);
    }
    Ok(Carts { store, product: product.by("cart"), life: TimeDelta::hours(config.expiry_hours.into()) })
}

/// Brings the module's store up to date. In Redis there is nothing to do; that it can be reached is checked.
///
/// # Errors
/// When the store cannot be opened or a migration fails.
pub async fn migrate(config: &Config) -> Result<(), BoxError> {
    Store::open(config).await?.migrate().await
}

/// Removes expired carts and keys from a database, again and again.
fn sweep(db: &Db, seconds: u64, jobs: &Jobs) {
    let carts = db.in_background();
    jobs.every("cart.expire", Duration::from_secs(seconds.max(1)), move || {
        let db = carts.clone();
        async move {
            /// Few enough that nobody waits long for the removal.
            const BATCH: u64 = 500;
            while Store::sweep(&db, BATCH).await? == BATCH {}
            Ok(())
        }
    });
    let keys = db.in_background();
    jobs.every("cart.sweep", Duration::from_secs(3600), move || {
        let db = keys.clone();
        async move { idempotency::sweep(&db).await }
    });
}

impl Carts {
    /// Waits until the store is up.
    pub async fn up(&self) {
        self.store.up().await;
    }

    /// The store, for health checks.
    pub fn health(&self) -> impl Health + use<> {
        self.store.clone()
    }
}
