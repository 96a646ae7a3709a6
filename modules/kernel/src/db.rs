//! Databases of modules: opened by URL, one for each module, and used through a pool for reads and one for writes.

use crate::{Code, Fault, Health, call::BoxFuture};
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbErr, RuntimeErr, SqliteTransactionMode,
    TransactionOptions, TransactionTrait,
};
use sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use std::{ops::Deref, path::Path, time::Duration};

/// Pool of a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Pool {
    /// Connections for reads, at least 1. Writes to SQLite have one connection of their own: queueing for it is fair, waiting
    /// for SQLite's lock is not.
    pub connections: u32,
    /// Milliseconds to wait for a free connection before answering `unavailable`.
    pub acquire_timeout_ms: u64,
}

impl Default for Pool {
    fn default() -> Self {
        Self { connections: 8, acquire_timeout_ms: 3_000 }
    }
}

/// What a module's data is worth at a power loss. A killed process loses nothing either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// The last moments may be lost.
    Normal,
    /// A committed transaction is on the disk.
    Full,
}

/// The database of one module. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Db {
    read: DatabaseConnection,
    write: DatabaseConnection,
}

impl Db {
    /// Opens the database at `url`, e.g. `sqlite://data/product.db`, and makes the file and its folder if there are none.
    ///
    /// # Errors
    /// When the URL is not of a known store, or the store cannot be opened.
    pub async fn open(url: &str, pool: Pool, durability: Durability) -> Result<Self, DbErr> {
        let Some(path) = url.strip_prefix("sqlite://") else {
            let scheme = url.split(':').next().unwrap_or_default();
            return Err(DbErr::Custom(format!("a database URL starts with sqlite://, not with {scheme}:")));
        };
        let file = path.split('?').next().unwrap_or(path);
        if pool.connections == 0 {
            return Err(DbErr::Custom("pool.connections must be at least 1".into()));
        }
        if let Some(folder) = Path::new(file).parent() {
            std::fs::create_dir_all(folder).map_err(|e| DbErr::Custom(format!("{}: {e}", folder.display())))?;
        }
        let write = Database::connect(sqlite(&format!("sqlite://{file}?mode=rwc"), 1, pool, durability)).await?;
        let read = Database::connect(sqlite(&format!("sqlite://{file}?mode=ro"), pool.connections, pool, durability)).await?;
        Ok(Self { read, write })
    }

    /// The connections for reads outside a transaction.
    pub fn read(&self) -> &DatabaseConnection {
        &self.read
    }

    /// The connections for single-statement writes and for migrations.
    pub fn write(&self) -> &DatabaseConnection {
        &self.write
    }

    /// Begins a transaction that will write. Dropped without [`Tx::commit`], it is rolled back.
    ///
    /// While it is open, use it and not the pool: with one connection for writes, the pool would wait for itself.
    ///
    /// # Errors
    /// `unavailable` when no connection is free in time.
    pub async fn begin(&self) -> Result<Tx, Fault> {
        // IMMEDIATE: a transaction that reads first and then writes would fail at once when another one wrote in between.
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        Ok(Tx(self.write.begin_with_options(options).await?))
    }
}

fn sqlite(url: &str, connections: u32, pool: Pool, durability: Durability) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    let synchronous = match durability {
        Durability::Normal => SqliteSynchronous::Normal,
        Durability::Full => SqliteSynchronous::Full,
    };
    options
        .max_connections(connections)
        .min_connections(1)
        .acquire_timeout(Duration::from_millis(pool.acquire_timeout_ms))
        .idle_timeout(None)
        .max_lifetime(None)
        // a connection to a file does not break while it is idle
        .test_before_acquire(false)
        .sqlx_logging(false)
        .map_sqlx_sqlite_opts(move |o| {
            o.journal_mode(SqliteJournalMode::Wal)
                .synchronous(synchronous)
                .busy_timeout(Duration::from_secs(5))
                .foreign_keys(true)
                // reads come from the page cache of the system, without a copy
                .pragma("mmap_size", "268435456")
                .pragma("cache_size", "-16384")
        });
    options
}

/// A transaction that writes.
#[derive(Debug)]
pub struct Tx(DatabaseTransaction);

impl Tx {
    /// Makes everything in it last.
    ///
    /// # Errors
    /// `unavailable` or `internal`; then nothing in it happened.
    pub async fn commit(self) -> Result<(), Fault> {
        Ok(self.0.commit().await?)
    }
}

impl Deref for Tx {
    type Target = DatabaseTransaction;
    fn deref(&self) -> &DatabaseTransaction {
        &self.0
    }
}

impl Health for Db {
    fn check(&self) -> BoxFuture<Result<(), Fault>> {
        let read = self.read.clone();
        Box::pin(async move {
            read.execute_unprepared("SELECT 1").await?;
            Ok(())
        })
    }
}

/// A store that cannot be reached is `unavailable`; anything else is a bug. The text goes to the log, and only there.
impl From<DbErr> for Fault {
    fn from(e: DbErr) -> Self {
        const MESSAGE: &str = "The database is not available";
        let unreachable = match &e {
            DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => true,
            DbErr::Exec(RuntimeErr::SqlxError(e)) | DbErr::Query(RuntimeErr::SqlxError(e)) => is_passing(e),
            _ => false,
        };
        if unreachable { Fault::unavailable(MESSAGE, e) } else { Fault::internal(e) }
    }
}

fn is_passing(e: &sqlx::Error) -> bool {
    match e {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => true,
        // SQLITE_BUSY, SQLITE_LOCKED, SQLITE_IOERR, SQLITE_FULL: someone else writes, or the disk is full
        sqlx::Error::Database(e) => {
            e.code().and_then(|c| c.parse::<u32>().ok()).is_some_and(|c| matches!(c & 0xff, 5 | 6 | 10 | 13))
        }
        _ => false,
    }
}

/// Whether a write broke a unique index: the thing exists already.
pub fn is_duplicate(e: &DbErr) -> bool {
    matches!(e.sql_err(), Some(sea_orm::SqlErr::UniqueConstraintViolation(_)))
}

/// Whether the fault means that the store could not be reached.
pub fn is_unavailable(fault: &Fault) -> bool {
    fault.code() == Code::Unavailable
}
