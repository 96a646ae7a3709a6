//! The stores of the catalogue: a file, and a database that is dropped in the end.

use crate::process::{seconds, settle};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::{
    env,
    path::{Path, PathBuf},
};

pub(crate) enum Store {
    Sqlite { file: PathBuf, url: String },
    Postgres { server: String, name: String, url: String },
}

impl Store {
    pub(crate) fn sqlite(folder: &Path, products: u64) -> Self {
        let file = folder.join(format!("product{products}.db"));
        let url = format!("sqlite://{}", file.display());
        Self::Sqlite { file, url }
    }

    /// A new database of the server at `POSTGRES`.
    pub(crate) fn postgres(products: u64) -> anyhow::Result<Self> {
        let server = env::var("POSTGRES").unwrap_or_else(|_| "postgres://postgres@127.0.0.1:5432".into());
        let name = format!("souk_bench_catalogue_{products}_{}", std::process::id());
        let url = format!("{server}/{name}");
        on_postgres(&server, &[format!("CREATE DATABASE {name}")])?;
        Ok(Self::Postgres { server, name, url })
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Sqlite { .. } => "SQLite",
            Self::Postgres { .. } => "PostgreSQL",
        }
    }

    pub(crate) fn url(&self) -> &str {
        match self {
            Self::Sqlite { url, .. } | Self::Postgres { url, .. } => url,
        }
    }

    /// Brings statistics up to date, and the file in its final form.
    pub(crate) fn settle(&self) -> anyhow::Result<()> {
        match self {
            Self::Sqlite { file, .. } => settle(file),
            Self::Postgres { url, .. } => on_this_thread(async {
                let mut connection = PgConnection::connect(url).await?;
                sqlx::query("VACUUM ANALYZE").execute(&mut connection).await?;
                Ok(connection.close().await?)
            }),
        }
    }

    /// Seconds of processor time of the processes of PostgreSQL that serve this database. SQLite works in its caller.
    pub(crate) fn cpu(&self) -> anyhow::Result<f64> {
        let Self::Postgres { server, name, .. } = self else { return Ok(0.0) };
        on_this_thread(async {
            let mut connection = PgConnection::connect(server).await?;
            let pids = sqlx::query_scalar::<_, i32>("SELECT pid FROM pg_stat_activity WHERE datname = $1").bind(name);
            let pids = pids.fetch_all(&mut connection).await?;
            connection.close().await?;
            // one that has just ended has done nothing
            Ok(pids.into_iter().filter_map(|pid| seconds(pid.cast_unsigned()).ok()).sum())
        })
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        if let Self::Postgres { server, name, .. } = self {
            drop(on_postgres(server, &[format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")]));
        }
    }
}

fn on_postgres(server: &str, statements: &[String]) -> anyhow::Result<()> {
    on_this_thread(async {
        let mut connection = PgConnection::connect(server).await?;
        for statement in statements {
            sqlx::query(AssertSqlSafe(statement.as_str())).execute(&mut connection).await?;
        }
        Ok(connection.close().await?)
    })
}

fn on_this_thread<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}
