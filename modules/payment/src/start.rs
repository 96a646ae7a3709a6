//! How the module is started.

use crate::{PaymentClient, Payments, Provider, Sandbox};
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
    /// Its database, e.g. `sqlite://data/payment.db`.
    pub database_url: String,
    /// Pool of the database.
    pub pool: Pool,
    /// Who moves the money.
    pub provider: ProviderName,
    /// Let a shop in production take orders for paid that nobody has paid for: production refuses the sandbox otherwise. For
    /// staging.
    pub accept_sandbox_in_production: bool,
}

impl Default for Config {
    fn default() -> Self {
        let database_url = "sqlite://data/payment.db".into();
        let (provider, accept_sandbox_in_production) = (ProviderName::Sandbox, false);
        Self { database_url, pool: Pool::default(), provider, accept_sandbox_in_production }
    }
}

/// The providers that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProviderName {
    /// [`Sandbox`]: moves no money.
    Sandbox,
}

/// What the launcher starts.
pub use crate::Payments as Service;

impl Module for Payments {
    type Client = PaymentClient;
    type Config = Config;
    type Store = Db;
    type Peers = ();

    async fn open(config: &Config) -> Result<Db, BoxError> {
        // FULL: what a provider was asked for must not be forgotten
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

impl Payments {
    /// The same payments through another provider, which the settings do not know.
    pub fn with_provider(self, provider: Arc<dyn Provider>) -> Self {
        Self { provider, ..self }
    }
}
