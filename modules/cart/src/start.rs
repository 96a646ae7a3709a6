//! How the module is started.

use crate::{CartClient, Carts, store::Store};
use kernel::{
    BoxError, Clients,
    chrono::TimeDelta,
    db::{Db, Pool},
    idempotency,
    jobs::Jobs,
    module::{Module, Start},
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

/// The modules that carts need.
pub struct Peers {
    /// Knows what is sold, and for how much.
    pub product: ProductClient,
}

impl kernel::module::Peers for Peers {
    fn of(clients: &Clients, module: &'static str) -> Self {
        Self { product: clients.get(module) }
    }
}

/// What the launcher starts.
pub use crate::Carts as Service;

impl Module for Carts {
    type Client = CartClient;
    type Config = Config;
    type Store = Store;
    type Peers = Peers;

    async fn open(config: &Config) -> Result<Store, BoxError> {
        if !(1..=8760).contains(&config.expiry_hours) {
            return Err("cart.expiry_hours must be 1 to 8760".into());
        }
        Store::open(config).await
    }

    async fn start(start: Start<'_, Self>) -> Result<Self, BoxError> {
        let Start { config, store, peers, jobs, .. } = start;
        if let Some(db) = store.database() {
            expire(db, config.sweep_seconds, jobs);
            idempotency::keep_swept(db, jobs);
        }
        Ok(Self { store, product: peers.product, life: TimeDelta::hours(config.expiry_hours.into()) })
    }
}

/// Removes expired carts from a database, again and again. Redis does it by itself.
fn expire(db: &Db, seconds: u64, jobs: &Jobs) {
    let db = db.in_background();
    jobs.every("cart.expire", Duration::from_secs(seconds.max(1)), move || {
        let db = db.clone();
        async move {
            /// Few enough that nobody waits long for the removal.
            const BATCH: u64 = 500;
            while Store::sweep(&db, BATCH).await? == BATCH {}
            Ok(())
        }
    });
}

impl Carts {
    /// Waits until the store is up.
    pub async fn up(&self) {
        self.store.up().await;
    }
}
