//! Opens and starts the module.

use crate::{
    ProductClient,
    config::Config,
    context::Products,
    media::making::Pictures,
    meters,
    store::{checks, imports, slugs},
};
use kernel::{
    BoxError,
    db::{Db, Durability},
    idempotency,
    module::{Module, Start},
    verify::{Book, Finding},
};
use migrations::product::Migrator;
use std::{sync::Arc, time::Duration};
use tokio::sync::Notify;

impl Module for Products {
    type Client = ProductClient;
    type Config = Config;
    type Store = Db;
    type Peers = ();

    async fn open(config: &Config) -> Result<Db, BoxError> {
        // NORMAL: an order repeats a stock movement that a power loss took back
        Ok(Db::open::<Migrator>("product", &config.database_url, config.pool, Durability::Normal).await?)
    }

    async fn start(start: Start<'_, Self>) -> Result<Self, BoxError> {
        let Start { config, store, jobs, .. } = start;
        let (pictures, imports) = (Pictures::open(&config.media_url)?, Arc::new(Notify::new()));
        let (currency, language) = (config.currency, config.language.clone());
        let service = Self { db: store.clone(), currency, language, pictures, imports };
        let background = Self { db: store.in_background(), ..service.clone() };
        if start.demo {
            let products = background.clone();
            jobs.once("product.demo", move || {
                let products = products.clone();
                async move { products.seed_demo().await.map(drop) }
            });
        }
        let products = background.clone();
        jobs.every("product.slugs", Duration::from_secs(60), move || {
            let products = products.clone();
            async move {
                for kind in [slugs::PRODUCTS, slugs::CATEGORIES] {
                    while products.add_slugs(kind).await? > 0 {}
                }
                Ok(())
            }
        });
        let products = background.clone();
        jobs.every("product.expire_holds", Duration::from_secs(config.hold_sweep_seconds.max(1)), move || {
            let products = products.clone();
            async move {
                while products.expire_holds().await? > 0 {}
                Ok(())
            }
        });
        let products = background.clone();
        jobs.every("product.sweep_holds", Duration::from_secs(3600), move || {
            let products = products.clone();
            async move {
                while products.sweep_holds().await? > 0 {}
                Ok(())
            }
        });
        let products = background.clone();
        jobs.every("product.sweep_media", Duration::from_secs(600), move || {
            let products = products.clone();
            async move { products.sweep_media().await }
        });
        let products = background.clone();
        let all = jobs.clone();
        jobs.keep("product.imports", move |beat| {
            let (products, jobs) = (products.clone(), all.clone());
            async move { products.import_files(&jobs, &beat).await }
        });
        let products = background.clone();
        jobs.every("product.sweep_imports", Duration::from_secs(3600), move || {
            let products = products.clone();
            async move { imports::sweep(products.db.write(), products.db.now()).await }
        });
        jobs.every("product.name_keys", Duration::from_secs(60), move || {
            let products = background.clone();
            async move {
                while products.add_name_keys().await? > 0 {}
                Ok(())
            }
        });
        idempotency::keep_swept(&store, jobs);
        meters::start();
        Ok(service)
    }

    async fn verify(store: &Db) -> Result<Vec<Finding>, BoxError> {
        Ok(store.verify(checks::CHECKS).await?)
    }

    fn books(store: &Db) -> Vec<Book> {
        vec![Book::new("stock", store, checks::stock)]
    }
}

impl Products {
    /// Opens the catalogue and migrates its store, for a command, without background jobs.
    ///
    /// # Errors
    /// When the store cannot be opened or a migration fails.
    pub async fn open_and_migrate(config: &Config) -> Result<Self, BoxError> {
        let db = <Self as Module>::open(config).await?;
        db.migrate().await?;
        let (currency, language) = (config.currency, config.language.clone());
        Ok(Self { db, currency, language, pictures: Pictures::open(&config.media_url)?, imports: Arc::default() })
    }
}
