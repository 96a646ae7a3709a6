//! Connections that are used again.
//!
//! A pool of our own on `deadpool`, for three things that sqlx's does not do. Connections are opened on the main runtime and
//! driven by it: if a worker of the HTTP server opened one, that worker, blocked, would stall the queries of all others. A
//! connection goes back as it is, without a round trip to the server. And a connection whose caller stopped waiting is free at
//! once: with PostgreSQL it is closed, which ends the statement, too; with SQLite a task waits for the end of the statement.

use super::{
    availability::Availability,
    connection::{self, Connection, Options, connecting, is_lost, query},
    statement_span::statement_span,
};
use deadpool::{
    Runtime,
    managed::{self, Metrics, Object, PoolConfig, PoolError, QueueMode, RecycleResult, Timeouts},
};
use sea_orm::{ConnAcquireErr, ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, Statement};
use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tracing::Instrument;

/// A connection that was idle for longer is pinged before it is used.
const TRUSTED: Duration = Duration::from_secs(1);
/// How long a ping or a rollback may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// Connections to one database. Cheap to clone.
#[derive(Clone)]
pub struct Connections {
    pool: managed::Pool<Manager>,
    availability: Arc<Availability>,
    statements: metrics::Counter,
    /// Limits the background work, so that requests find free connections, too.
    share: Option<Arc<Semaphore>>,
    backend: DbBackend,
}

/// How a pool is used now.
pub(super) struct Usage {
    /// Open connections.
    pub(super) open: usize,
    /// Connections that are in use or waited for.
    pub(super) wanted: usize,
    /// The most that may be open.
    pub(super) most: usize,
}

/// Makes connections, on the runtime in which the pool was made.
struct Manager {
    options: Options,
    home: Handle,
}

struct Live {
    connection: Connection,
    last_used: Instant,
}

impl managed::Manager for Manager {
    type Type = Live;
    type Error = sqlx::Error;

    async fn create(&self) -> Result<Live, sqlx::Error> {
        let options = self.options.clone();
        let connection = self.home.spawn(async move { options.connect().await }).await;
        let connection = connection.map_err(|_| sqlx::Error::WorkerCrashed)??;
        Ok(Live { connection, last_used: Instant::now() })
    }

    async fn recycle(&self, live: &mut Live, _: &Metrics) -> RecycleResult<sqlx::Error> {
        match &mut live.connection {
            // a file does not go away
            Connection::Sqlite(_) => Ok(()),
            Connection::Postgres(_) if live.last_used.elapsed() < TRUSTED => Ok(()),
            postgres @ Connection::Postgres(_) => Ok(postgres.ping().await?),
        }
    }
}

impl Connections {
    pub(super) fn new(
        options: Options,
        most: usize,
        patience: Duration,
        availability: Arc<Availability>,
        statements: metrics::Counter,
    ) -> Result<Self, DbErr> {
        let backend = options.backend();
        let timeouts = Timeouts { wait: Some(patience), create: Some(patience), recycle: Some(PATIENCE) };
        let config = PoolConfig { max_size: most, timeouts, queue_mode: QueueMode::Lifo };
        let manager = Manager { options, home: Handle::current() };
        let pool = managed::Pool::builder(manager).config(config).runtime(Runtime::Tokio1).build();
        Ok(Self { pool: pool.map_err(|e| DbErr::Custom(e.to_string()))?, availability, statements, share: None, backend })
    }

    /// The same connections for background work: it gets `share` of them at most.
    pub(super) fn in_background(&self, statements: metrics::Counter, share: Arc<Semaphore>) -> Self {
        Self { statements, share: Some(share), ..self.clone() }
    }

    /// A connection for one statement or one transaction.
    pub(super) async fn lease(&self) -> Result<Lease, DbErr> {
        if !self.availability.is_available() {
            self.availability.when_started().await?;
        }
        let permit = match &self.share {
            Some(share) => Some(share.clone().acquire_owned().await.map_err(|_| connection::away())?),
            None => None,
        };
        let mut lease = self.lease_anyway().await?;
        lease.share = permit;
        Ok(lease)
    }

    /// A connection that is open and idle, for the monitor.
    pub(super) async fn idle_lease(&self) -> Option<Lease> {
        if self.pool.status().available == 0 {
            return None;
        }
        let now = Timeouts { wait: Some(Duration::ZERO), ..self.pool.timeouts() };
        self.pool.timeout_get(&now).await.ok().map(|object| self.leased(object))
    }

    /// As [`Connections::lease`], also while the store is unavailable.
    pub(super) async fn lease_anyway(&self) -> Result<Lease, DbErr> {
        let object = self.pool.get().await.map_err(|e| {
            self.availability.note_outcome(true);
            match e {
                PoolError::Backend(e) => connecting(e),
                PoolError::Closed => connection::away(),
                _ => DbErr::ConnectionAcquire(ConnAcquireErr::Timeout),
            }
        })?;
        Ok(self.leased(object))
    }

    fn leased(&self, object: Object<Manager>) -> Lease {
        let home = self.pool.manager().home.clone();
        let (availability, statements) = (self.availability.clone(), self.statements.clone());
        Lease {
            object: Some(object),
            is_busy: false,
            is_lost: false,
            has_begun: false,
            share: None,
            home,
            availability,
            statements,
            backend: self.backend,
        }
    }

    pub(super) fn usage(&self) -> Usage {
        let status = self.pool.status();
        Usage { open: status.size, wanted: status.size - status.available + status.waiting, most: status.max_size }
    }
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Connections({:?})", self.backend)
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Connections {
    fn get_database_backend(&self) -> DbBackend {
        self.backend
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.lease().await?.execute(statement).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.lease().await?.unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.lease().await?.one(statement).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.lease().await?.all(statement).await
    }
}

/// A connection in use. It goes back to its pool when it is dropped, whatever state it is in by then.
pub(super) struct Lease {
    /// None only while it is dropped.
    object: Option<Object<Manager>>,
    /// Whether a statement is under way.
    is_busy: bool,
    is_lost: bool,
    /// Whether a transaction is open.
    has_begun: bool,
    /// Given back with the connection.
    share: Option<OwnedSemaphorePermit>,
    home: Handle,
    availability: Arc<Availability>,
    statements: metrics::Counter,
    backend: DbBackend,
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lease")
    }
}

impl Lease {
    pub(super) async fn execute(&mut self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.statements.increment(1);
        let span = statement_span(self.backend, &statement.sql);
        self.run(async |connection| connection.execute(statement).await).instrument(span).await.map_err(exec)
    }

    pub(super) async fn unprepared(&mut self, sql: &str) -> Result<ExecResult, DbErr> {
        self.statements.increment(1);
        let span = statement_span(self.backend, sql);
        self.run(async |connection| connection.unprepared(sql).await).instrument(span).await.map_err(exec)
    }

    pub(super) async fn one(&mut self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.statements.increment(1);
        let span = statement_span(self.backend, &statement.sql);
        self.run(async |connection| connection.one(statement).await).instrument(span).await.map_err(query)
    }

    pub(super) async fn all(&mut self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.statements.increment(1);
        let span = statement_span(self.backend, &statement.sql);
        self.run(async |connection| connection.all(statement).await).instrument(span).await.map_err(query)
    }

    /// Begins a transaction, with this statement.
    pub(super) async fn begin(&mut self, sql: &str) -> Result<(), DbErr> {
        // before it is known to have begun: when in doubt there is something to roll back
        self.has_begun = true;
        let span = statement_span(self.backend, sql);
        self.run(async |connection| connection.unprepared(sql).await).instrument(span).await.map(drop).map_err(exec)
    }

    pub(super) async fn commit(&mut self) -> Result<(), DbErr> {
        let span = statement_span(self.backend, "COMMIT");
        self.run(async |connection| connection.unprepared("COMMIT").await).instrument(span).await.map_err(exec)?;
        self.has_begun = false;
        Ok(())
    }

    pub(super) async fn ping(&mut self) -> Result<(), DbErr> {
        self.run(async |connection| connection.ping().await).await.map_err(query)
    }

    /// Runs `work` on the connection itself, and notes the state that it leaves.
    pub(super) async fn run<T, F>(&mut self, work: F) -> Result<T, sqlx::Error>
    where
        F: AsyncFnOnce(&mut Connection) -> Result<T, sqlx::Error>,
    {
        let Some(live) = &mut self.object else { return Err(sqlx::Error::PoolClosed) };
        self.is_busy = true;
        let result = work(&mut live.connection).await;
        self.is_busy = false;
        live.last_used = Instant::now();
        self.is_lost |= result.as_ref().is_err_and(is_lost);
        self.availability.note_outcome(self.is_lost);
        result
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(object) = self.object.take() else { return };
        let is_postgres = matches!(object.connection, Connection::Postgres(_));
        if self.is_lost || (self.is_busy && is_postgres) {
            // closes it; the server then ends its statement (`client_connection_check_interval`)
            drop(Object::take(object));
        } else if self.is_busy || self.has_begun {
            self.home.spawn(settle(object, self.has_begun));
        }
        // otherwise it goes back as it is
    }
}

/// Lets a connection go back when a statement that was abandoned has ended, and its transaction is rolled back.
async fn settle(mut object: Object<Manager>, has_begun: bool) {
    let work = async {
        object.connection.ping().await?;
        if has_begun && let Err(e) = object.connection.unprepared("ROLLBACK").await {
            // SQLite: the statement that failed has ended the transaction itself, or it had not begun
            if is_lost(&e) || matches!(object.connection, Connection::Postgres(_)) {
                return Err(e);
            }
        }
        Ok::<_, sqlx::Error>(())
    };
    if !matches!(tokio::time::timeout(10 * PATIENCE, work).await, Ok(Ok(()))) {
        drop(Object::take(object));
    }
}

fn exec(e: sqlx::Error) -> DbErr {
    DbErr::Exec(sea_orm::RuntimeErr::SqlxError(e.into()))
}
