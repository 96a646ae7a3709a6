//! Transactions.

use super::{database::Db, pool::Lease};
use crate::Fault;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, Statement};
use std::{
    ops::Deref,
    sync::{
        PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::sync::Mutex;

/// A transaction that writes. Dropped without [`Tx::commit`], it is rolled back.
#[derive(Debug)]
pub struct Tx {
    inner: TxConnection,
    wakes_relay: AtomicBool,
    counts: std::sync::Mutex<Vec<(metrics::Counter, u64)>>,
    db: Db,
}

/// The connection of a transaction: its statements run one after the other.
#[derive(Debug)]
pub struct TxConnection {
    lease: Mutex<Lease>,
    backend: DbBackend,
}

impl Db {
    /// Begins a transaction that will write. Dropped without [`Tx::commit`], it is rolled back.
    ///
    /// While it is open, use it and not the pool: with one connection for writes, the pool would wait for itself.
    ///
    /// # Errors
    /// `unavailable` when no connection is free in time.
    pub async fn begin(&self) -> Result<Tx, Fault> {
        Ok(Tx::begin(self.clone()).await?)
    }
}

impl Tx {
    async fn begin(db: Db) -> Result<Self, DbErr> {
        let mut lease = db.write.lease().await?;
        let backend = db.write.get_database_backend();
        // SQLite: a transaction that reads first and then writes would fail at once when another one wrote in between
        lease.begin(if backend == DbBackend::Sqlite { "BEGIN IMMEDIATE" } else { "BEGIN" }).await?;
        let inner = TxConnection { lease: Mutex::new(lease), backend };
        Ok(Self { inner, wakes_relay: AtomicBool::new(false), counts: Default::default(), db })
    }

    /// Makes everything in it last.
    ///
    /// # Errors
    /// `unavailable` or `internal`; then nothing in it happened.
    pub async fn commit(self) -> Result<(), Fault> {
        self.inner.lease.into_inner().commit().await?;
        for (counter, by) in self.counts.into_inner().unwrap_or_else(PoisonError::into_inner) {
            counter.increment(by);
        }
        if self.wakes_relay.into_inner() {
            self.db.hook().committed();
        }
        Ok(())
    }

    /// Adds `by` to a counter once this is committed: what is rolled back is not counted.
    pub fn count(&self, counter: metrics::Counter, by: u64) {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).push((counter, by));
    }

    /// The database that it is in.
    pub(crate) fn db(&self) -> &Db {
        &self.db
    }

    /// Wakes the relay of the outbox once this is committed.
    pub(crate) fn wake_relay(&self) {
        self.wakes_relay.store(true, Ordering::Relaxed);
    }
}

impl TxConnection {
    /// A transaction that only reads, and sees the database as it is now, whatever others write.
    pub(super) async fn snapshot(db: &Db) -> Result<Self, DbErr> {
        let mut lease = db.read.lease().await?;
        let backend = db.read.get_database_backend();
        lease
            .begin(if backend == DbBackend::Sqlite { "BEGIN" } else { "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" })
            .await?;
        let snapshot = Self { lease: Mutex::new(lease), backend };
        if backend == DbBackend::Postgres {
            snapshot.execute_unprepared("SET LOCAL statement_timeout = 0").await?;
        }
        Ok(snapshot)
    }
}

impl Deref for Tx {
    type Target = TxConnection;
    fn deref(&self) -> &TxConnection {
        &self.inner
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for TxConnection {
    fn get_database_backend(&self) -> DbBackend {
        self.backend
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.lease.lock().await.execute(statement).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.lease.lock().await.unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.lease.lock().await.one(statement).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.lease.lock().await.all(statement).await
    }
}
