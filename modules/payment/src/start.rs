//! How the module is started.

use crate::{Payments, Provider, Sandbox};
use kernel::{
    BoxError,
    bus::Bus,
    db::{Db, Durability, Pool},
    jobs::Jobs,
    outbox,
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

/// Starts the module with the provider of the settings, and its `jobs`, which bring its store up as soon as it can be reached. Its
/// events go to `bus`.
///
/// # Errors
/// When a setting cannot be used.
pub async fn start(config: &Config, bus: &Bus, jobs: &Jobs) -> Result<Payments, BoxError> {
    if config.accept_sandbox_in_production {
        tracing::warn!("payment.accept_sandbox_in_production is set: orders count as paid, and no money moves");
    }
    let db = database(config).await?;
    db.keep_up::<Migrator>(jobs);
    outbox::relay(&db, bus.clone(), jobs);
    let provider: Arc<dyn Provider> = match config.provider {
        ProviderName::Sandbox => Arc::new(Sandbox),
    };
    Ok(Payments { db, provider })
}

/// Brings the module's store up to date.
///
/// # Errors
/// When the store cannot be opened or a migration fails.
pub async fn migrate(config: &Config) -> Result<Db, BoxError> {
    let db = database(config).await?;
    db.migrate::<Migrator>().await?;
    Ok(db)
}

/// The module's database. Nothing is asked of it yet.
///
/// # Errors
/// When a setting cannot be used.
pub async fn database(config: &Config) -> Result<Db, BoxError> {
    // FULL: what a provider was asked for must not be forgotten
    Ok(Db::open("payment", &config.database_url, config.pool, Durability::Full).await?)
}

impl Payments {
    /// The same payments through another provider, which the settings do not know.
    pub fn with_provider(self, provider: Arc<dyn Provider>) -> Self {
        Self { provider, ..self }
    }

    /// The store, for health checks.
    pub fn db(&self) -> Db {
        self.db.in_background()
    }
}
