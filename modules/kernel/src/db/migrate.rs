//! Bringing the tables of a module up to date.
//!
//! Releases that follow each other run side by side: a step may add, and a step of a later release may remove tables and columns
//! that no running release uses (expand, then contract). So a binary works on tables that are newer than itself, and only logs
//! it. Tables that are up to date are not written to, and a role that may not create tables will do. A step waits for its locks a
//! few seconds at most, because the shop's own statements queue up behind it; it is tried again then.

use super::connection::{Options, connecting};
use futures_util::future::BoxFuture;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, SqliteTransactionMode, Statement,
    TransactionOptions, TransactionTrait,
};
use sea_orm_migration::MigratorTrait;
use std::{collections::BTreeSet, time::Duration};

/// How long a step waits for a lock: of a table, or of another process that migrates.
const LOCK_TIMEOUT: &str = "3s";

/// The work that a migration has to do.
enum Plan {
    Nothing,
    /// The tables are newer than this binary, which does not know these steps.
    Newer(Vec<String>),
    Steps,
}

/// The steps to the tables of a module, and how they are applied.
#[derive(Debug)]
pub(super) struct Steps {
    /// Names, in order.
    known: fn() -> Vec<String>,
    /// The table with the names of the applied steps.
    table: String,
    up: for<'a> fn(&'a DatabaseTransaction) -> BoxFuture<'a, Result<(), DbErr>>,
}

impl Steps {
    pub(super) fn of<M: MigratorTrait + 'static>() -> Self {
        Self {
            known: || M::migrations().iter().map(|step| step.name().to_owned()).collect(),
            table: M::migration_table_name().to_string(),
            up: |tx| Box::pin(M::up(tx, None)),
        }
    }
}

pub(super) async fn migrate(steps: &Steps, module: &str, options: &Options) -> Result<(), DbErr> {
    let db = connect(options).await?;
    let result = bring_up_to_date(steps, module, &db).await;
    db.close().await?;
    result
}

pub(super) async fn must_be_up_to_date(steps: &Steps, options: &Options) -> Result<(), DbErr> {
    let db = connect(options).await?;
    let plan = plan(steps, &db).await;
    db.close().await?;
    match plan? {
        Plan::Nothing | Plan::Newer(_) => Ok(()),
        Plan::Steps => Err(DbErr::Migration("the tables are not up to date: run `souk migrate`, or start the shop".into())),
    }
}

async fn bring_up_to_date(steps: &Steps, module: &str, db: &DatabaseConnection) -> Result<(), DbErr> {
    match plan(steps, db).await? {
        Plan::Nothing => Ok(()),
        Plan::Newer(unknown) => {
            let unknown = unknown.join(", ");
            tracing::warn!(module, steps = unknown, "the tables are newer than this program, which works on them as they are");
            Ok(())
        }
        Plan::Steps => match db.get_database_backend() {
            DbBackend::Postgres => in_postgres(steps, db).await,
            _ => in_sqlite(steps, db).await,
        },
    }
}

async fn in_postgres(steps: &Steps, db: &DatabaseConnection) -> Result<(), DbErr> {
    let tx = db.begin().await?;
    let table = &steps.table;
    // one process after the other; in a transaction, so that the lock goes with it
    tx.execute_unprepared(&format!(
        "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'; \
         SET LOCAL idle_in_transaction_session_timeout = 0; SELECT pg_advisory_xact_lock(hashtext('{table}'))"
    ))
    .await?;
    (steps.up)(&tx).await?;
    tx.commit().await
}

/// SQLite cannot change a table in place as much as PostgreSQL: steps may make it anew under another name, which needs foreign
/// keys to be off meanwhile. They cannot be switched inside a transaction.
async fn in_sqlite(steps: &Steps, db: &DatabaseConnection) -> Result<(), DbErr> {
    db.execute_unprepared("PRAGMA foreign_keys = OFF").await?;
    let options =
        TransactionOptions { sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate), ..TransactionOptions::default() };
    let tx = db.begin_with_options(options).await?;
    (steps.up)(&tx).await?;
    let broken = tx.query_all_raw(Statement::from_string(DbBackend::Sqlite, "PRAGMA foreign_key_check")).await?;
    if let Some(first) = broken.first() {
        let table: String = first.try_get_by_index(0)?;
        return Err(DbErr::Migration(format!("a step leaves {} broken references, the first in {table}", broken.len())));
    }
    tx.commit().await
}

async fn plan(steps: &Steps, db: &DatabaseConnection) -> Result<Plan, DbErr> {
    let applied = applied(db, &steps.table).await?;
    let known: BTreeSet<String> = (steps.known)().into_iter().collect();
    let unknown: Vec<String> = applied.difference(&known).cloned().collect();
    match (known.is_subset(&applied), unknown.is_empty()) {
        (true, true) => Ok(Plan::Nothing),
        (true, false) => Ok(Plan::Newer(unknown)),
        (false, true) => Ok(Plan::Steps),
        (false, false) => {
            let unknown = unknown.join(", ");
            Err(DbErr::Migration(format!("the tables have steps that this program does not know ({unknown}), and lack others")))
        }
    }
}

/// The steps that the tables have; none when there are no tables.
async fn applied(db: &DatabaseConnection, table: &str) -> Result<BTreeSet<String>, DbErr> {
    let backend = db.get_database_backend();
    let exists = match backend {
        DbBackend::Postgres => format!("SELECT to_regclass('{table}')::text"),
        _ => format!("SELECT name FROM sqlite_master WHERE type = 'table' AND name = '{table}'"),
    };
    let found = db.query_one_raw(Statement::from_string(backend, exists)).await?;
    if found.map(|row| row.try_get_by_index::<Option<String>>(0)).transpose()?.flatten().is_none() {
        return Ok(BTreeSet::new());
    }
    let rows = db.query_all_raw(Statement::from_string(backend, format!("SELECT version FROM {table}"))).await?;
    rows.iter().map(|row| row.try_get_by_index::<String>(0)).collect()
}

/// A connection for this purpose alone.
async fn connect(options: &Options) -> Result<DatabaseConnection, DbErr> {
    use sqlx::{postgres::PgPoolOptions, sqlite::SqlitePoolOptions};
    let patience = Duration::from_secs(5);
    Ok(match options {
        Options::Postgres(options) => {
            let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(patience);
            pool.connect_with((**options).clone()).await.map_err(connecting)?.into()
        }
        Options::Sqlite(options) => {
            let pool = SqlitePoolOptions::new().max_connections(1).acquire_timeout(patience);
            pool.connect_with((**options).clone()).await.map_err(connecting)?.into()
        }
    })
}
