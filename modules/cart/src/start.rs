//! How the module is started.

use crate::{Carts, store};
use kernel::{
    BoxError,
    chrono::TimeDelta,
    db::{Db, Durability, Pool},
    idempotency,
    jobs::{self, CancellationToken},
};
use migrations::cart::Migrator;
use product::ProductClient;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Settings of the module.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Its database, e.g. `sqlite://data/cart.db`.
    pub database_url: String,
    /// Pool of the database.
    pub pool: Pool,
    /// Hours that a cart lives after it was last used, 1 to 8760 (a year).
    pub expiry_hours: u32,
    /// Seconds between two removals of expired carts; at least 1.
    pub sweep_seconds: u64,
}

impl Default for Config {
    fn default() -> Self {
        let database_url = "sqlite://data/cart.db".into();
        Self { database_url, pool: Pool::default(), expiry_hours: 24, sweep_seconds: 300 }
    }
}

/// Opens the module's store, brings it up to date, and starts its work in the background, until `stop`. `product` is the way to
/// the product module.
///
/// # Errors
/// When a setting is out of its range, the store cannot be opened or a migration fails.
pub async fn start(config: &Config, product: ProductClient, stop: &CancellationToken) -> Result<Carts, BoxError> {
    if !(1..=8760).contains(&config.expiry_hours) {
        return Err("cart.expiry_hours must be 1 to 8760".into());
    }
    let db = migrate(config).await?;
    let store = db.in_background();
    jobs::every(Duration::from_secs(config.sweep_seconds.max(1)), stop.clone(), move || {
        let db = store.clone();
        async move {
            /// Few enough that nobody waits long for the removal.
            const BATCH: u64 = 500;
            // a fault has been logged where it was made
            while store::sweep(db.write(), BATCH).await.is_ok_and(|gone| gone == BATCH) {}
        }
    });
    let store = db.in_background();
    jobs::every(Duration::from_secs(3600), stop.clone(), move || {
        let db = store.clone();
        async move { drop(idempotency::sweep(db.write()).await) }
    });
    Ok(Carts { db, product: product.by("cart"), life: TimeDelta::hours(config.expiry_hours.into()) })
}

/// Brings the module's store up to date.
///
/// # Errors
/// When the store cannot be opened or a migration fails.
pub async fn migrate(config: &Config) -> Result<Db, BoxError> {
    // NORMAL: the last moments of a cart are not worth a wait for the disk
    let db = Db::open("cart", &config.database_url, config.pool, Durability::Normal).await?;
    db.migrate::<Migrator>().await?;
    Ok(db)
}

impl Carts {
    /// The store, for health checks.
    pub fn db(&self) -> Db {
        self.db.in_background()
    }
}
