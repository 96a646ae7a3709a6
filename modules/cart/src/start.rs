//! Opens and starts the module.

use crate::{CartClient, config::Config, service::Carts, store::Store};
use kernel::{
    BoxError, Clients,
    chrono::TimeDelta,
    db::Db,
    idempotency,
    jobs::Jobs,
    module::{Module, Start},
    verify::Finding,
};
use product::ProductClient;
use std::time::Duration;

/// The modules that this one calls.
pub struct Peers {
    /// Source of names, prices and stock.
    pub product: ProductClient,
}

impl kernel::module::Peers for Peers {
    fn of(clients: &Clients, module: &'static str) -> Self {
        Self { product: clients.get(module) }
    }
}

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
            start_expiry(db, config.sweep_seconds, jobs);
            idempotency::keep_swept(db, jobs);
        }
        Ok(Self { store, product: peers.product, life: TimeDelta::hours(config.expiry_hours.into()) })
    }

    async fn verify(store: &Store) -> Result<Vec<Finding>, BoxError> {
        store.verify().await
    }
}

/// Starts the job that removes expired carts from a database. Redis removes them by itself.
fn start_expiry(db: &Db, seconds: u64, jobs: &Jobs) {
    let db = db.in_background();
    jobs.every("cart.expire", Duration::from_secs(seconds.max(1)), move || {
        let db = db.clone();
        async move {
            /// Few enough that no call waits long for the removal.
            const BATCH: u64 = 500;
            while Store::sweep(&db, BATCH).await? == BATCH {}
            Ok(())
        }
    });
}
