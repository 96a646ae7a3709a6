//! Settings of the store.

use kernel::db::Pool;
use std::time::Duration;

/// The settings that choose and open a store.
pub(crate) struct Settings<'a> {
    pub(crate) database_url: &'a str,
    pub(crate) pool: Pool,
    /// Prefix of all keys in Redis.
    pub(crate) key_prefix: &'a str,
    /// Time in which Redis must answer a command.
    pub(crate) response_timeout: Duration,
}
