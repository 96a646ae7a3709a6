//! Settings of the module.

use kernel::db::Pool;
use serde::{Deserialize, Serialize};

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
    /// [`Sandbox`](crate::sandbox::Sandbox): moves no money.
    Sandbox,
}
