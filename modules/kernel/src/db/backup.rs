//! Copies of embedded databases, taken while a shop uses them.

use super::settings::{Durability, sqlite};
use sqlx::{AssertSqlSafe, Connection, Executor, SqliteConnection, sqlite::SqliteConnectOptions};
use std::path::{Path, PathBuf};

/// A SQLite database that cannot be copied, or a copy that is damaged.
#[derive(Debug, thiserror::Error)]
#[error("{}: {why}", file.display())]
pub struct BackupError {
    file: PathBuf,
    why: String,
}

impl BackupError {
    fn new(file: &Path, why: impl ToString) -> Self {
        Self { file: file.into(), why: why.to_string() }
    }
}

/// Copies databases, each to the path beside it, as all of them are at the same moment: for as long as this takes, writes to them
/// wait. Reads go on.
///
/// # Errors
/// When a database is not there or stays locked for five seconds, or a copy cannot be written. Then the copies are of no use.
pub async fn copy_all(databases: &[(PathBuf, PathBuf)]) -> Result<(), BackupError> {
    let mut locked = Vec::with_capacity(databases.len());
    for (file, _) in databases {
        let lock = async {
            let mut connection = SqliteConnection::connect_with(&existing(file)).await?;
            connection.execute("BEGIN IMMEDIATE").await?;
            Ok::<_, sqlx::Error>(connection)
        };
        locked.push(lock.await.map_err(|e| BackupError::new(file, e))?);
    }
    for (file, copy) in databases {
        let write = async {
            let mut connection = SqliteConnection::connect_with(&existing(file)).await?;
            let copy = copy.to_string_lossy().replace('\'', "''");
            connection.execute(AssertSqlSafe(format!("VACUUM INTO '{copy}'"))).await?;
            connection.close().await
        };
        write.await.map_err(|e| BackupError::new(file, e))?;
    }
    for connection in locked {
        // what a closed connection had begun is rolled back
        drop(connection.close().await);
    }
    Ok(())
}

/// Checks that a database is whole: its pages, indexes and references.
///
/// # Errors
/// When it is damaged or not a database.
pub async fn check(file: &Path) -> Result<(), BackupError> {
    let look = async {
        let options = SqliteConnectOptions::new().filename(file).read_only(true);
        let mut connection = SqliteConnection::connect_with(&options).await?;
        let found: String = sqlx::query_scalar("PRAGMA integrity_check(1)").fetch_one(&mut connection).await?;
        let broken = sqlx::query("PRAGMA foreign_key_check").fetch_optional(&mut connection).await?;
        connection.close().await?;
        Ok::<_, sqlx::Error>((found, broken.is_some()))
    };
    match look.await {
        Ok((found, false)) if found == "ok" => Ok(()),
        Ok((_, true)) => Err(BackupError::new(file, "a row refers to one that is missing")),
        Ok((found, false)) => Err(BackupError::new(file, found)),
        Err(e) => Err(BackupError::new(file, e)),
    }
}

fn existing(file: &Path) -> SqliteConnectOptions {
    sqlite(&file.to_string_lossy(), Durability::Full).create_if_missing(false)
}
