//! Settings of a database, and the options of its connections.

use sqlx::{
    ConnectOptions as _,
    postgres::PgConnectOptions,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use std::time::Duration;

/// Pool of a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Pool {
    /// The most connections, at least 1. SQLite has these for reads, and one more for writes: queueing for it is fair, waiting
    /// for SQLite's lock is not.
    pub connections: u32,
    /// Milliseconds to wait for a free connection before answering `unavailable`. Callers do not wait for a server that is known
    /// to be away.
    pub acquire_timeout_ms: u64,
    /// Milliseconds after which PostgreSQL gives up a statement; it is answered `unavailable`.
    pub statement_timeout_ms: u64,
}

impl Default for Pool {
    fn default() -> Self {
        Self { connections: 8, acquire_timeout_ms: 3_000, statement_timeout_ms: 10_000 }
    }
}

/// How much of a module's data in SQLite survives a power loss. A killed process loses nothing either way, and PostgreSQL decides
/// by itself (`synchronous_commit`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// The last moments may be lost.
    Normal,
    /// A committed transaction is on the disk.
    Full,
}

pub(super) fn postgres(module: &str, url: &str, pool: Pool) -> Result<PgConnectOptions, sqlx::Error> {
    let options = url.parse::<PgConnectOptions>()?.application_name(&format!("souk {module}"));
    Ok(options.disable_statement_logging().options([
        ("statement_timeout", format!("{}ms", pool.statement_timeout_ms)),
        // a transaction that holds rows should be short, and one that does nothing is ended: a process that was stopped half way
        // must not hold up the others
        ("lock_timeout", "5s".into()),
        ("idle_in_transaction_session_timeout", "5s".into()),
        // statements that a process no longer waits for end (PostgreSQL 14 or later)
        ("client_connection_check_interval", "1s".into()),
    ]))
}

/// The file of a SQLite database with this URL; `None` if it is of another store.
pub fn sqlite_file(url: &str) -> Option<&str> {
    url.strip_prefix("sqlite://").map(|path| path.split('?').next().unwrap_or(path))
}

pub(super) fn sqlite(file: &str, durability: Durability) -> SqliteConnectOptions {
    let synchronous = match durability {
        Durability::Normal => SqliteSynchronous::Normal,
        Durability::Full => SqliteSynchronous::Full,
    };
    SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .disable_statement_logging()
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(synchronous)
        .busy_timeout(Duration::from_secs(5))
        .foreign_keys(true)
        // reads come from the page cache of the system, without a copy; the cache of each connection is small
        .pragma("mmap_size", "268435456")
        .pragma("cache_size", "-2000")
}
