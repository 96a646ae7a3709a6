//! Errors of databases: which become `unavailable`, and which are bugs.

use crate::Fault;
use sea_orm::{DbErr, RuntimeErr};

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
            e.code().is_some_and(|state| is_transient_in_postgres(&state))
        }
        // SQLITE_BUSY, SQLITE_LOCKED, SQLITE_IOERR, SQLITE_FULL: another process writes, or the disk is full
        sqlx::Error::Database(e) => {
            e.code().and_then(|c| c.parse::<u32>().ok()).is_some_and(|c| matches!(c & 0xff, 5 | 6 | 10 | 13))
        }
        _ => false,
    }
}

/// By SQLSTATE: connection lost, too many of something, a conflict of transactions, a time-out, or the server stops or starts.
fn is_transient_in_postgres(state: &str) -> bool {
    matches!(&state[..2.min(state.len())], "08" | "53")
        || matches!(state, "25P03" | "40001" | "40P01" | "55P03" | "57014" | "57P01" | "57P02" | "57P03")
}

/// Whether a write broke a unique index: the thing exists already.
pub fn is_duplicate(e: &DbErr) -> bool {
    matches!(e.sql_err(), Some(sea_orm::SqlErr::UniqueConstraintViolation(_)))
}
