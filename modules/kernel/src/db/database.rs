//! The database of a module: opened by URL, and used through a pool for reads and one for writes.

use super::{
    availability::Availability,
    clock::Clock,
    connection::Options,
    migrate::{self, Steps},
    pool::Connections,
    settings::{Durability, Pool, postgres, sqlite, sqlite_file},
};
use crate::{BoxFuture, Fault, Health, delivery::Hook};
use chrono::{DateTime, Utc};
use sea_orm::DbErr;
use sea_orm_migration::MigratorTrait;
use std::{path::Path, sync::Arc, time::Duration};
use tokio::sync::Semaphore;

/// The database of one module. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Db {
    pub(super) shared: Arc<Shared>,
    pub(super) read: Connections,
    pub(super) write: Connections,
}

#[derive(Debug)]
pub(super) struct Shared {
    module: &'static str,
    pub(super) name: String,
    availability: Arc<Availability>,
    clock: Clock,
    pub(super) steps: Steps,
    /// How connections for writes are made.
    pub(super) options: Options,
    /// The share of work in the background.
    background: Arc<Semaphore>,
    hook: Hook,
}

impl Db {
    /// Opens the database of `module`: `sqlite://data/product.db`, whose file and folder are made if there are none, or
    /// `postgres://user:password@host/database`. Connections are made when they are needed. `M` are the steps to its tables.
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
        let availability = Arc::new(Availability::new(patience));
        let statements = statements(module, "request");
        let (most, connections) = (pool.connections as usize, |options, most| {
            Connections::new(options, most, patience, availability.clone(), statements.clone())
        });
        let (read, write, options) = match url.split_once("://") {
            Some(("sqlite", path)) => {
                let file = sqlite_file(url).unwrap_or(path);
                if let Some(folder) = Path::new(file).parent() {
                    std::fs::create_dir_all(folder).map_err(|e| wrong(format!("{}: {e}", folder.display())))?;
                }
                let options = Options::Sqlite(Box::new(sqlite(file, durability)));
                let reading = Options::Sqlite(Box::new(sqlite(file, durability).create_if_missing(false).read_only(true)));
                (connections(reading, most)?, connections(options.clone(), 1)?, options)
            }
            Some(("postgres" | "postgresql", _)) => {
                // sqlx's own message could quote the address, and with it the password
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
        let shared = Shared {
            module,
            name,
            availability,
            clock: Clock::default(),
            steps: Steps::of::<M>(),
            options,
            background,
            hook: Hook::default(),
        };
        Ok(Self { shared: Arc::new(shared), read, write })
    }

    /// The same database for work that no request waits for: it gets half of the connections at most, and its statements are
    /// counted apart.
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

    pub(super) fn availability(&self) -> &Availability {
        &self.shared.availability
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// Checks that the tables have every step that this program knows.
    ///
    /// # Errors
    /// When the store cannot be reached, or steps are missing; the message says what to do.
    pub async fn must_be_up_to_date(&self) -> Result<(), DbErr> {
        migrate::must_be_up_to_date(&self.shared.steps, &self.shared.options).await
    }

    /// Waits until [`Db::keep_up`] has brought it up.
    pub async fn up(&self) {
        self.availability().available().await;
    }

    /// The connections for reads outside a transaction.
    pub fn read(&self) -> &Connections {
        &self.read
    }

    /// The connections for single-statement writes.
    pub fn write(&self) -> &Connections {
        &self.write
    }

    /// Now, by the clock that all processes on this database share: by which leases and due times are reckoned. Right to some
    /// milliseconds, whatever the clock of this machine says.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock().now()
    }

    /// Its connection with the relay of its outbox.
    pub(crate) fn hook(&self) -> &Hook {
        &self.shared.hook
    }
}

fn statements(module: &'static str, work: &'static str) -> metrics::Counter {
    metrics::counter!("souk_sql_statements_total", "module" => module, "work" => work)
}

impl Health for Db {
    fn name(&self) -> &str {
        &self.shared.name
    }

    fn check(&self) -> BoxFuture<Result<(), Fault>> {
        let (read, why) = (self.read.clone(), self.availability().why());
        Box::pin(async move {
            if let Some(why) = why {
                return Err(Fault::away(why));
            }
            Ok(read.lease_anyway().await?.ping().await?)
        })
    }
}
