//! Databases of modules: opened by URL, one for each module, and used through a pool for reads and one for writes.

mod reach;

use crate::{Fault, Health, call::BoxFuture};
use chrono::{DateTime, Utc};
use reach::Reach;
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, RuntimeErr,
    SqliteTransactionMode, TransactionOptions, TransactionTrait,
};
use sea_orm_migration::MigratorTrait;
use sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use std::{
    ops::Deref,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::sync::Notify;

/// Pool of a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Pool {
    /// The most connections, at least 1. SQLite has these for reads, and one more for writes: queueing for it is fair, waiting for
    /// SQLite's lock is not.
    pub connections: u32,
    /// Milliseconds to wait for a free connection before answering `unavailable`. Nobody waits for a server that is known to be away.
    pub acquire_timeout_ms: u64,
    /// Milliseconds after which PostgreSQL gives up a statement; it is answered `unavailable`.
    pub statement_timeout_ms: u64,
}

impl Default for Pool {
    fn default() -> Self {
        Self { connections: 8, acquire_timeout_ms: 3_000, statement_timeout_ms: 10_000 }
    }
}

/// What a module's data in SQLite is worth at a power loss. A killed process loses nothing either way, and PostgreSQL decides by
/// itself (`synchronous_commit`).
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
    module: &'static str,
    read: DatabaseConnection,
    write: DatabaseConnection,
    told: Arc<Notify>,
    /// Only of a server; a file is always there.
    reach: Option<Arc<Reach>>,
}

impl Db {
    /// Opens the database of `module`: `sqlite://data/product.db`, whose file and folder are made if there are none, or
    /// `postgres://user:password@host/database`.
    ///
    /// # Errors
    /// When the URL is not of a known store, or the store cannot be opened.
    pub async fn open(module: &'static str, url: &str, pool: Pool, durability: Durability) -> Result<Self, DbErr> {
        if pool.connections == 0 {
            return Err(DbErr::Custom("pool.connections must be at least 1".into()));
        }
        let (read, write, reach) = match url.split_once("://") {
            Some(("sqlite", path)) => {
                let file = path.split('?').next().unwrap_or(path);
                if let Some(folder) = Path::new(file).parent() {
                    std::fs::create_dir_all(folder).map_err(|e| DbErr::Custom(format!("{}: {e}", folder.display())))?;
                }
                let write = Database::connect(sqlite(&format!("sqlite://{file}?mode=rwc"), 1, pool, durability)).await?;
                let read =
                    Database::connect(sqlite(&format!("sqlite://{file}?mode=ro"), pool.connections, pool, durability)).await?;
                (read, write, None)
            }
            Some(("postgres" | "postgresql", _)) => {
                let all = Database::connect(postgres(module, url, pool)).await?;
                let reach = Reach::watch(module, all.get_postgres_connection_pool().clone()).await;
                (all.clone(), all, Some(reach))
            }
            _ => {
                let scheme = url.split(':').next().unwrap_or_default();
                return Err(DbErr::Custom(format!("a database URL starts with sqlite:// or postgres://, not with {scheme}:")));
            }
        };
        Ok(Self { module, read, write, told: Arc::default(), reach }.counting("request"))
    }

    /// The same database for work that no request waits for; its statements are counted apart.
    pub fn in_background(&self) -> Self {
        self.clone().counting("background")
    }

    fn counting(mut self, work: &'static str) -> Self {
        let statements = metrics::counter!("souk_sql_statements_total", "module" => self.module, "work" => work);
        for connection in [&mut self.read, &mut self.write] {
            let (statements, reach) = (statements.clone(), self.reach.clone());
            connection.set_metric_callback(move |statement| {
                statements.increment(1);
                if let Some(reach) = &reach {
                    reach.hear(statement.failed);
                }
            });
        }
        self
    }

    /// The module whose database it is.
    pub fn module(&self) -> &'static str {
        self.module
    }

    /// Brings the tables up to date. Instances that start together wait for the first one.
    ///
    /// # Errors
    /// When the store cannot be reached or a step fails; then nothing has changed.
    pub async fn migrate<M: MigratorTrait>(&self) -> Result<(), DbErr> {
        let tx = self.write.begin_with_options(immediate()).await?;
        if tx.get_database_backend() == DbBackend::Postgres {
            let lock =
                format!("SET LOCAL statement_timeout = 0; SELECT pg_advisory_xact_lock(hashtext('{}'))", table_name::<M>());
            tx.execute_unprepared(&lock).await?;
        }
        M::up(&tx, None).await?;
        tx.commit().await
    }

    /// The connections for reads outside a transaction.
    pub fn read(&self) -> &DatabaseConnection {
        self.or_nowhere(&self.read)
    }

    /// The connections for single-statement writes.
    pub fn write(&self) -> &DatabaseConnection {
        self.or_nowhere(&self.write)
    }

    /// Nobody waits for a server that is known to be away.
    fn or_nowhere<'a>(&'a self, connection: &'a DatabaseConnection) -> &'a DatabaseConnection {
        self.reach.as_ref().and_then(|reach| reach.nowhere()).unwrap_or(connection)
    }

    /// Begins a transaction that will write. Dropped without [`Tx::commit`], it is rolled back.
    ///
    /// While it is open, use it and not the pool: with one connection for writes, the pool would wait for itself.
    ///
    /// # Errors
    /// `unavailable` when no connection is free in time.
    pub async fn begin(&self) -> Result<Tx, Fault> {
        let inner = self.write().begin_with_options(immediate()).await?;
        Ok(Tx { inner, tells: AtomicBool::new(false), told: self.told.clone() })
    }

    /// Now, by the clock that all processes on this database share: what leases and due times are reckoned with.
    pub fn now(&self) -> DateTime<Utc> {
        crate::now()
    }

    /// Waits until a transaction has left events in the outbox: one that is committed after the last call of this, or now.
    pub(crate) async fn events_told(&self) {
        self.told.notified().await;
    }
}

/// SQLite: a transaction that reads first and then writes would fail at once when another one wrote in between.
fn immediate() -> TransactionOptions {
    TransactionOptions { sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate), ..TransactionOptions::default() }
}

fn table_name<M: MigratorTrait>() -> String {
    M::migration_table_name().to_string()
}

fn postgres(module: &str, url: &str, pool: Pool) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(pool.connections)
        .min_connections(1)
        .acquire_timeout(Duration::from_millis(pool.acquire_timeout_ms))
        .connect_timeout(Duration::from_millis(pool.acquire_timeout_ms))
        .statement_timeout(Duration::from_millis(pool.statement_timeout_ms))
        // a connection in use needs no test; one that has waited may have lost its server
        .test_before_acquire_if_idle_for(Duration::from_secs(1))
        .set_application_name(format!("souk {module}"))
        .sqlx_logging(false);
    options
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
pub struct Tx {
    inner: DatabaseTransaction,
    tells: AtomicBool,
    told: Arc<Notify>,
}

impl Tx {
    /// Makes everything in it last.
    ///
    /// # Errors
    /// `unavailable` or `internal`; then nothing in it happened.
    pub async fn commit(self) -> Result<(), Fault> {
        self.inner.commit().await?;
        if self.tells.into_inner() {
            self.told.notify_one();
        }
        Ok(())
    }

    /// Wakes the relay of the outbox once this is committed.
    pub(crate) fn tells(&self) {
        self.tells.store(true, Ordering::Relaxed);
    }
}

impl Deref for Tx {
    type Target = DatabaseTransaction;
    fn deref(&self) -> &DatabaseTransaction {
        &self.inner
    }
}

impl Health for Db {
    fn name(&self) -> &str {
        self.module
    }

    fn check(&self) -> BoxFuture<Result<(), Fault>> {
        let read = self.read().clone();
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
        sqlx::Error::Database(e) if e.try_downcast_ref::<sqlx::postgres::PgDatabaseError>().is_some() => {
            e.code().is_some_and(|state| is_passing_in_postgres(&state))
        }
        // SQLITE_BUSY, SQLITE_LOCKED, SQLITE_IOERR, SQLITE_FULL: someone else writes, or the disk is full
        sqlx::Error::Database(e) => {
            e.code().and_then(|c| c.parse::<u32>().ok()).is_some_and(|c| matches!(c & 0xff, 5 | 6 | 10 | 13))
        }
        _ => false,
    }
}

/// By SQLSTATE: connection lost, too many of something, a conflict of transactions, a time-out, or the server stops or starts.
fn is_passing_in_postgres(state: &str) -> bool {
    matches!(&state[..2.min(state.len())], "08" | "53")
        || matches!(state, "40001" | "40P01" | "55P03" | "57014" | "57P01" | "57P02" | "57P03")
}

/// Whether a write broke a unique index: the thing exists already.
pub fn is_duplicate(e: &DbErr) -> bool {
    matches!(e.sql_err(), Some(sea_orm::SqlErr::UniqueConstraintViolation(_)))
}
