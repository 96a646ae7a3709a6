//! Opening and starting the module.

use crate::{
    PaymentClient,
    config::{Config, ProviderName},
    context::Payments,
    meters,
    provider::Provider,
    sandbox::Sandbox,
    store::checks,
};
use kernel::{
    BoxError,
    db::{Db, Durability},
    module::{Module, Start},
    verify::{Book, Finding},
};
use migrations::payment::Migrator;
use std::sync::Arc;

impl Module for Payments {
    type Client = PaymentClient;
    type Config = Config;
    type Store = Db;
    type Peers = ();

    async fn open(config: &Config) -> Result<Db, BoxError> {
        // FULL: a call to the provider that was stored must survive a power loss
        Ok(Db::open::<Migrator>("payment", &config.database_url, config.pool, Durability::Full).await?)
    }

    async fn start(start: Start<'_, Self>) -> Result<Self, BoxError> {
        if start.config.accept_sandbox_in_production {
            tracing::warn!("payment.accept_sandbox_in_production is set: orders count as paid, and no money moves");
        }
        let provider: Arc<dyn Provider> = match start.config.provider {
            ProviderName::Sandbox => Arc::new(Sandbox),
        };
        meters::start();
        Ok(Self { db: start.store, provider })
    }

    async fn verify(store: &Db) -> Result<Vec<Finding>, BoxError> {
        Ok(store.verify(checks::CHECKS).await?)
    }

    fn books(store: &Db) -> Vec<Book> {
        vec![Book::new("charges", store, checks::charges)]
    }
}
