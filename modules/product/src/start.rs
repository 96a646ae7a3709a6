//! How the module is started.

use crate::{ProductClient, Products, demo, service, store};
use kernel::{
    BoxError, Currency,
    db::{Db, Durability, Pool},
    idempotency,
    module::{Module, Start},
};
use migrations::product::Migrator;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Settings of the module.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Its database, e.g. `sqlite://data/product.db`.
    pub database_url: String,
    /// Pool of the database.
    pub pool: Pool,
    /// The shop's currency. Must not change once there are products.
    pub currency: Currency,
    /// Seconds between two looks for holds that have expired; at least 1.
    pub hold_sweep_seconds: u64,
}

impl Default for Config {
    fn default() -> Self {
        let database_url = "sqlite://data/product.db".into();
        Self { database_url, pool: Pool::default(), currency: Currency::default(), hold_sweep_seconds: 5 }
    }
}

/// What the launcher starts.
pub use crate::Products as Service;

impl Module for Products {
    type Client = ProductClient;
    type Config = Config;
    type Store = Db;
    type Peers = ();

    async fn open(config: &Config) -> Result<Db, BoxError> {
        // NORMAL: a stock movement that a power loss takes back is made again by the order that asked for it
        Ok(Db::open::<Migrator>("product", &config.database_url, config.pool, Durability::Normal).await?)
    }

    async fn start(start: Start<'_, Self>) -> Result<Self, BoxError> {
        let Start { config, store, jobs, .. } = start;
        let service = Self { db: store.in_background(), currency: config.currency };
        if start.demo {
            let service = service.clone();
            jobs.once("product.demo", move || {
                let service = service.clone();
                async move { service.seed_demo().await.map(drop) }
            });
        }
        let period = Duration::from_secs(config.hold_sweep_seconds.max(1));
        jobs.every("product.expire_holds", period, move || {
            let service = service.clone();
            async move {
                while service.expire_holds().await? > 0 {}
                Ok(())
            }
        });
        let unsorted = Self { db: store.in_background(), currency: config.currency };
        jobs.every("product.name_keys", Duration::from_secs(60), move || {
            let products = unsorted.clone();
            async move {
                while products.make_name_keys().await? > 0 {}
                Ok(())
            }
        });
        idempotency::keep_swept(&store, jobs);
        Ok(Self { db: store, currency: config.currency })
    }
}

impl Products {
    /// The catalogue on a store that is brought up to date, for a command: nothing runs in the background.
    ///
    /// # Errors
    /// When the store cannot be opened or a migration fails.
    pub async fn open_and_migrate(config: &Config) -> Result<Self, BoxError> {
        let db = <Self as Module>::open(config).await?;
        db.migrate().await?;
        Ok(Self { db, currency: config.currency })
    }

    /// Fills an empty catalogue with the demo shop; returns how many products it added.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn seed_demo(&self) -> Result<usize, BoxError> {
        let tx = self.db.begin().await?;
        let any = store::filter(&crate::ListProducts::default(), None, None, None);
        if store::count(&*tx, &any).await? > 0 || !store::categories(&*tx).await?.is_empty() {
            return Ok(0);
        }
        let mut added = 0;
        for (name, below) in demo::TREE {
            let parent = store::insert_category(&*tx, &category(name, None)).await?;
            for (name, products) in *below {
                let child = store::insert_category(&*tx, &category(name, Some(parent.id))).await?;
                let rows =
                    products.iter().map(|product| service::new_row(product.to_new(child.id), product.money(self.currency)));
                store::insert_many(&*tx, rows.collect()).await?;
                added += products.len();
            }
        }
        tx.commit().await?;
        Ok(added)
    }

    /// Adds `count` products with made-up names; `progress` is told how many were added each time.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn seed_many(&self, count: usize, mut progress: impl FnMut(usize)) -> Result<(), BoxError> {
        /// Rows in one statement; SQLite takes 32,766 values.
        const BATCH: usize = 500;
        let categories: Vec<i64> = store::categories(self.db.read()).await?.into_iter().map(|category| category.id).collect();
        for start in (0..count).step_by(BATCH) {
            let end = count.min(start + BATCH);
            let rows = (start..end).map(|i| {
                let (product, money) = demo::made_up(i, &categories, self.currency);
                service::new_row(product, money)
            });
            let tx = self.db.begin().await?;
            store::insert_many(&*tx, rows.collect()).await?;
            tx.commit().await?;
            progress(end - start);
        }
        Ok(())
    }
}

fn category(name: &str, parent: Option<i64>) -> crate::NewCategory {
    crate::NewCategory { name: name.into(), parent_id: parent.map(crate::CategoryId) }
}
