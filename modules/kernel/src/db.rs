//! Databases of modules: opened by URL, one for each module, and used through a pool for reads and one for writes.
//!
//! Nothing is asked of a database when it is opened. [`Db::keep_up`] brings it up in the background, and again whenever its server
//! has been away; until then whoever wants something of it is answered `unavailable`.

mod connection;
mod gate;
mod keeper;
mod migrate;
mod pool;
mod tx;

pub use pool::Connections;
pub use tx::{Tx, TxConnection};

use crate::{BoxFuture, Fault, Health, jobs::Jobs, outbox::Hook};
use chrono::{DateTime, Utc};
use connection::Options;
use gate::{Gate, State};
use migrate::Steps;
use sea_orm::{DbErr, RuntimeErr};
use sea_orm_migration::MigratorTrait;
use sqlx::{
    ConnectOptions as _,
    postgres::PgConnectOptions,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use std::{path::Path, sync::Arc, time::Duration};
use tokio::sync::Semaphore;

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
    shared: Arc<Shared>,
    read: Connections,
    write: Connections,
}

#[derive(Debug)]
struct Shared {
    module: &'static str,
    name: String,
    gate: Arc<Gate>,
    steps: Steps,
    /// How connections for writes are made.
    options: Options,
    /// The share of work in the background.
    background: Arc<Semaphore>,
    hook: Hook,
}

impl Db {
    /// Opens the database of `module`: `sqlite://data/product.db`, whose file and folder are made if there are none, or
    /// `postgres://user:password@host/database`. Nothing is asked of it yet: connections are made when they are needed. `M` are the
    /// steps to its tables.
    ///
    /// # Errors
    /// When the URL is not of a known store, a setting is out of its range, or the folder cannot be made.
    pub async fn open<M: MigratorTrait + 'static>(
        module: &'static str,
        url: &str,
        pool: Pool,
        durability: Durability,
    ) -> Result<Self, DbErr> {
        let wrong = |why: String| DbErr::Custom(format!("{module}.database_url: {why}"));
        if pool.connections == 0 {
            return Err(DbErr::Custom("pool.connections must be at least 1".into()));
        }
        let patience = Duration::from_millis(pool.acquire_timeout_ms);
        let gate = Arc::new(Gate::new(patience));
        let statements = statements(module, "request");
        let (most, connections) = (pool.connections as usize, |options, most| {
            Connections::new(options, most, patience, gate.clone(), statements.clone())
        });
        let (read, write, options) = match url.split_once("://") {
            Some(("sqlite", path)) => {
                let file = path.split('?').next().unwrap_or(path);
                if let Some(folder) = Path::new(file).parent() {
                    std::fs::create_dir_all(folder).map_err(|e| wrong(format!("{}: {e}", folder.display())))?;
                }
                let options = Options::Sqlite(Box::new(sqlite(file, durability)));
                let reading = Options::Sqlite(Box::new(sqlite(file, durability).create_if_missing(false).read_only(true)));
                (connections(reading, most)?, connections(options.clone(), 1)?, options)
            }
            Some(("postgres" | "postgresql", _)) => {
                // its own words could quote the address, and with it the password
                let options = postgres(module, url, pool)
                    .map_err(|_| wrong("must be like postgres://user:password@host:5432/database".into()))?;
                let options = Options::Postgres(Box::new(options));
                let all = connections(options.clone(), most)?;
                (all.clone(), all, options)
            }
            _ => return Err(wrong("must start with sqlite:// or postgres://".into())),
        };
        let name = format!("{module}.database");
        let background = Arc::new(Semaphore::new(most.div_ceil(2)));
        let shared = Shared { module, name, gate, steps: Steps::of::<M>(), options, background, hook: Hook::default() };
        Ok(Self { shared: Arc::new(shared), read, write })
    }

    /// The same database for work that no request waits for: it gets half of the connections at most, and its statements are counted
    /// apart.
    pub fn in_background(&self) -> Self {
        let statements = statements(self.module(), "background");
        let share = self.shared.background.clone();
        let read = self.read.in_background(statements.clone(), share.clone());
        Self { read, write: self.write.in_background(statements, share), ..self.clone() }
    }

    /// The module whose database it is.
    pub fn module(&self) -> &'static str {
        self.shared.module
    }

    fn gate(&self) -> &Gate {
        &self.shared.gate
    }

    /// Brings the tables up to date, here and now. Instances that start together wait for the first one. Where nothing is to be
    /// done nothing is written; tables that are newer than this program are left as they are.
    ///
    /// # Errors
    /// When the store cannot be reached, a lock is not free for some seconds, or a step fails; then nothing has changed.
    pub async fn migrate(&self) -> Result<(), DbErr> {
        migrate::migrate(&self.shared.steps, self.module(), &self.shared.options).await?;
        keeper::ask(self).await.map_err(connection::connecting)?;
        self.gate().set(State::Open);
        Ok(())
    }

    /// That the tables have every step that this program knows.
    ///
    /// # Errors
    /// When the store cannot be reached, or steps are missing; the message says what to do.
    pub async fn must_be_up_to_date(&self) -> Result<(), DbErr> {
        migrate::must_be_up_to_date(&self.shared.steps, &self.shared.options).await
    }

    /// Brings the database up in the background, with its tables, as soon as it can be reached, and looks after it from then on.
    pub fn keep_up(&self, jobs: &Jobs) {
        self.gate().set(State::Starting);
        let (db, stop) = (self.in_background(), jobs.stopping().clone());
        jobs.keep(&self.shared.name, move |beat| keeper::keep(db.clone(), stop.clone(), beat));
        let connections: Vec<_> = [("read", &self.read), ("write", &self.write)].map(|(use_, c)| (use_, c.clone())).into();
        let module = self.module();
        jobs.every(format!("{module}.database_metrics"), Duration::from_secs(5), move || {
            for (use_, connections) in &connections {
                let (open, wanted) = connections.state();
                metrics::gauge!("souk_database_connections", "module" => module, "use" => *use_).set(open as f64);
                metrics::gauge!("souk_database_connections_wanted", "module" => module, "use" => *use_).set(wanted as f64);
            }
            std::future::ready(Ok(()))
        });
    }

    /// Waits until [`Db::keep_up`] has brought it up.
    pub async fn up(&self) {
        self.gate().open().await;
    }

    /// The connections for reads outside a transaction.
    pub fn read(&self) -> &Connections {
        &self.read
    }

    /// The connections for single-statement writes.
    pub fn write(&self) -> &Connections {
        &self.write
    }

    /// Begins a transaction that will write. Dropped without [`Tx::commit`], it is rolled back.
    ///
    /// While it is open, use it and not the pool: with one connection for writes, the pool would wait for itself.
    ///
    /// # Errors
    /// `unavailable` when no connection is free in time.
    pub async fn begin(&self) -> Result<Tx, Fault> {
        Ok(Tx::begin(self.clone()).await?)
    }

    /// Now, by the clock that all processes on this database share: what leases and due times are reckoned with. Right to some
    /// milliseconds, whatever the clock of this machine says.
    pub fn now(&self) -> DateTime<Utc> {
        self.gate().now()
    }

    /// What is known of the relay of its outbox.
    pub(crate) fn hook(&self) -> &Hook {
        &self.shared.hook
    }
}

fn statements(module: &'static str, work: &'static str) -> metrics::Counter {
    metrics::counter!("souk_sql_statements_total", "module" => module, "work" => work)
}

fn postgres(module: &str, url: &str, pool: Pool) -> Result<PgConnectOptions, sqlx::Error> {
    let options = url.parse::<PgConnectOptions>()?.application_name(&format!("souk {module}"));
    Ok(options.disable_statement_logging().options([
        ("statement_timeout", format!("{}ms", pool.statement_timeout_ms)),
        // whoever waits for a row waits for a transaction that should be short, and one that does nothing is ended: a process
        // that was stopped half way must not hold up the others
        ("lock_timeout", "5s".into()),
        ("idle_in_transaction_session_timeout", "5s".into()),
        // what a process does not wait for any more ends (PostgreSQL 14 or later)
        ("client_connection_check_interval", "1s".into()),
    ]))
}

fn sqlite(file: &str, durability: Durability) -> SqliteConnectOptions {
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
        // reads come from the page cache of the system, without a copy; what each connection keeps beside it is small
        .pragma("mmap_size", "268435456")
        .pragma("cache_size", "-2000")
}

impl Health for Db {
    fn name(&self) -> &str {
        &self.shared.name
    }

    fn check(&self) -> BoxFuture<Result<(), Fault>> {
        let (read, why) = (self.read.clone(), self.gate().why());
        Box::pin(async move {
            if let Some(why) = why {
                return Err(Fault::away(why));
            }
            Ok(read.lease_anyway().await?.ping().await?)
        })
    }
}

/// A store that cannot be reached is `unavailable`; anything else is a bug. The text goes to the log, and only there.
impl From<DbErr> for Fault {
    fn from(e: DbErr) -> Self {
        const MESSAGE: &str = "The database is not available";
        let unreachable = match &e {
            DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => true,
            DbErr::Exec(RuntimeErr::SqlxError(e)) | DbErr::Query(RuntimeErr::SqlxError(e)) => is_transient(e),
            _ => false,
        };
        if unreachable { Fault::unavailable(MESSAGE, e) } else { Fault::internal(e) }
    }
}

fn is_transient(e: &sqlx::Error) -> bool {
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
        || matches!(state, "25P03" | "40001" | "40P01" | "55P03" | "57014" | "57P01" | "57P02" | "57P03")
}

/// Whether a write broke a unique index: the thing exists already.
pub fn is_duplicate(e: &DbErr) -> bool {
    matches!(e.sql_err(), Some(sea_orm::SqlErr::UniqueConstraintViolation(_)))
}
