//! One connection, to PostgreSQL or to a SQLite file, and the statements of sea-orm on it.

use sea_orm::{ConnAcquireErr, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr, Statement};
use sea_query_sqlx::SqlxValues;
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection as _, Executor, PgConnection, SqliteConnection, postgres::PgConnectOptions,
    sqlite::SqliteConnectOptions,
};

/// How a connection is made.
#[derive(Debug, Clone)]
pub(super) enum Options {
    Postgres(Box<PgConnectOptions>),
    Sqlite(Box<SqliteConnectOptions>),
}

impl Options {
    pub(super) fn backend(&self) -> DbBackend {
        match self {
            Self::Postgres(_) => DbBackend::Postgres,
            Self::Sqlite(_) => DbBackend::Sqlite,
        }
    }

    pub(super) async fn connect(&self) -> Result<Connection, sqlx::Error> {
        Ok(match self {
            Self::Postgres(options) => Connection::Postgres(options.connect().await?),
            Self::Sqlite(options) => Connection::Sqlite(options.connect().await?),
        })
    }
}

/// An open connection.
#[derive(Debug)]
pub(super) enum Connection {
    Postgres(PgConnection),
    Sqlite(SqliteConnection),
}

/// Runs a prepared statement on either kind of connection, and makes sea-orm's answer of it.
macro_rules! prepared {
    ($self:ident, $statement:ident, $method:ident, $answer:expr) => {{
        let values = SqlxValues($statement.values.unwrap_or_else(|| sea_orm::Values(Vec::new())));
        let sql = AssertSqlSafe($statement.sql.as_str());
        match $self {
            Self::Postgres(c) => sqlx::query_with::<sqlx::Postgres, _>(sql, values).$method(c).await.map($answer),
            Self::Sqlite(c) => sqlx::query_with::<sqlx::Sqlite, _>(sql, values).$method(c).await.map($answer),
        }
    }};
}

impl Connection {
    pub(super) async fn execute(&mut self, statement: Statement) -> Result<ExecResult, sqlx::Error> {
        prepared!(self, statement, execute, Into::into)
    }

    pub(super) async fn one(&mut self, statement: Statement) -> Result<Option<QueryResult>, sqlx::Error> {
        prepared!(self, statement, fetch_optional, |row| row.map(QueryResult::from))
    }

    pub(super) async fn all(&mut self, statement: Statement) -> Result<Vec<QueryResult>, sqlx::Error> {
        prepared!(self, statement, fetch_all, |rows| rows.into_iter().map(QueryResult::from).collect())
    }

    /// Several statements may be in one text; none has parameters.
    pub(super) async fn unprepared(&mut self, sql: &str) -> Result<ExecResult, sqlx::Error> {
        match self {
            Self::Postgres(c) => c.execute(AssertSqlSafe(sql)).await.map(Into::into),
            Self::Sqlite(c) => c.execute(AssertSqlSafe(sql)).await.map(Into::into),
        }
    }

    /// Checks that the other end answers. On SQLite it also waits for a statement that was abandoned.
    pub(super) async fn ping(&mut self) -> Result<(), sqlx::Error> {
        match self {
            Self::Postgres(c) => c.ping().await,
            Self::Sqlite(c) => c.ping().await,
        }
    }
}

/// Whether the connection cannot be used any more after this error.
pub(super) fn is_lost(e: &sqlx::Error) -> bool {
    match e {
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => true,
        // the server ends the session: class 08, 57P (it stops), 25P03 (idle in a transaction for too long)
        sqlx::Error::Database(e) if e.try_downcast_ref::<sqlx::postgres::PgDatabaseError>().is_some() => {
            e.code().is_some_and(|state| state.starts_with("08") || state.starts_with("57P") || state == "25P03")
        }
        _ => false,
    }
}

/// The error of a statement.
pub(super) fn query(e: sqlx::Error) -> DbErr {
    DbErr::Query(RuntimeErr::SqlxError(e.into()))
}

/// The error of making a connection.
pub(super) fn connecting(e: sqlx::Error) -> DbErr {
    DbErr::Conn(RuntimeErr::SqlxError(e.into()))
}

/// The error of callers that do not wait, because the store is known to be away.
pub(super) fn away() -> DbErr {
    DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed)
}
