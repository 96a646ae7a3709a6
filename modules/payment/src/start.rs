//! Opening and starting the module.

use crate::{PaymentClient, context::Payments, provider::Provider, sandbox::Sandbox};
use kernel::{
    BoxError,
    db::{Db, Durability, Pool},
    module::{Module, Start},
};
use migrations::payment::Migrator;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Settings of the module.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// URL of the database, e.g. `sqlite://data/payment.db`.
    pub database_url: String,
    /// Connections to the database.
    pub pool: Pool,
    /// The provider that moves the money.
    pub provider: ProviderName,
    /// Allow the sandbox in production, where orders then count as paid although no money has moved. For staging.
    pub accept_sandbox_in_production: bool,
}

impl Default for Config {
    fn default() -> Self {
        let database_url = "sqlite://data/payment.db".into();
        let (provider, accept_sandbox_in_production) = (ProviderName::Sandbox, false);
        Self { database_url, pool: Pool::default(), provider, accept_sandbox_in_production }
    }
}

/// The providers that this release has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProviderName {
    /// [`Sandbox`]: moves no money.
    Sandbox,
}

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
        Ok(Self { db: start.store, provider })
    }
}
