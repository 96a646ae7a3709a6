//! Looks after a database: brings it up when it can be reached, notices when its server goes away and when it comes back, and
//! keeps its clock.
//!
//! Requests must not pile up while a server is silent. So the monitor probes it as soon as a statement loses its connection, and
//! from time to time when no statement succeeds. While the server is away, statements fail at once.

use super::{
    availability::State,
    connection::{Connection, Options, connecting},
    database::Db,
    migrate,
    pool::Usage,
};
use crate::{
    jobs::{Beat, CancellationToken, Jobs},
    log::log_seldom,
    pauses::pauses,
};
use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbBackend, DbErr};
use sqlx::{ConnectOptions, Connection as _, PgConnection};
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// Between two probes while no statement succeeds.
const PERIOD: Duration = Duration::from_millis(500);
/// The same while the server is away, and the shortest time between two probes.
const SHORT: Duration = Duration::from_millis(100);
/// How long the server may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// How old the server's time may be before it is asked again.
const CLOCK: Duration = Duration::from_secs(30);

impl Db {
    /// Brings the tables up to date before it returns. Instances that start together wait for the first one. Tables that are up
    /// to date are not written to; tables that are newer than this program are left as they are.
    ///
    /// # Errors
    /// When the store cannot be reached, a lock is not free for some seconds, or a step fails; then nothing has changed.
    pub async fn migrate(&self) -> Result<(), DbErr> {
        migrate::migrate(&self.shared.steps, self.module(), &self.shared.options).await?;
        ask(self).await.map_err(connecting)?;
        self.availability().set(State::Available);
        Ok(())
    }

    /// Brings the database up in the background, with its tables, as soon as it can be reached, and looks after it from then on.
    pub fn keep_up(&self, jobs: &Jobs) {
        self.availability().set(State::Starting);
        let (db, stop) = (self.in_background(), jobs.stopping().clone());
        jobs.keep(&self.shared.name, move |beat| keep(db.clone(), stop.clone(), beat));
        let connections: Vec<_> = [("read", &self.read), ("write", &self.write)].map(|(use_, c)| (use_, c.clone())).into();
        let module = self.module();
        jobs.every(format!("{module}.database_metrics"), Duration::from_secs(5), move || {
            for (use_, connections) in &connections {
                let Usage { open, wanted, most } = connections.usage();
                metrics::gauge!("souk_database_connections", "module" => module, "use" => *use_).set(open as f64);
                metrics::gauge!("souk_database_connections_wanted", "module" => module, "use" => *use_).set(wanted as f64);
                metrics::gauge!("souk_database_connections_max", "module" => module, "use" => *use_).set(most as f64);
            }
            std::future::ready(Ok(()))
        });
    }
}

async fn keep(db: Db, stop: CancellationToken, beat: Beat) {
    let work = async {
        bring_up(&db, &beat).await;
        watch(&db, &beat).await;
    };
    stop.run_until_cancelled(work).await;
}

async fn bring_up(db: &Db, beat: &Beat) {
    let mut pauses = pauses(SHORT, Duration::from_secs(5));
    while let Err(e) = db.migrate().await {
        beat.failed();
        let why = if is_away(&e) { "the database cannot be reached" } else { "its tables cannot be brought up to date" };
        db.availability().set(State::Away(why.into()));
        log_seldom(db.module(), |again| tracing::warn!(module = db.module(), error = %e, again, "{why}; trying again"));
        tokio::time::sleep(pauses.next().unwrap_or(PERIOD)).await;
    }
    tracing::debug!(module = db.module(), "the database is up");
}

fn is_away(e: &DbErr) -> bool {
    matches!(e, DbErr::Conn(_) | DbErr::ConnectionAcquire(_))
}

async fn watch(db: &Db, beat: &Beat) {
    let availability = db.availability();
    let is_server = db.read.get_database_backend() == DbBackend::Postgres;
    let mut clock = Instant::now();
    loop {
        beat.succeeded();
        let period = if availability.is_available() { PERIOD } else { SHORT };
        let is_doubted = timeout(period, availability.doubt.notified()).await.is_ok();
        // a file is always up
        if !is_server || !(is_doubted || !availability.was_used() || clock.elapsed() > CLOCK) {
            continue;
        }
        clock = Instant::now();
        probe(db).await;
        if is_doubted {
            tokio::time::sleep(SHORT).await;
        }
    }
}

async fn probe(db: &Db) {
    let availability = db.availability();
    let is_up = match timeout(PATIENCE, ask(db)).await {
        Ok(Ok(())) => true,
        // 57P0x: it stops or starts; any other error is an answer
        Ok(Err(sqlx::Error::Database(e))) => !e.code().is_some_and(|state| state.starts_with("57P0")),
        _ => false,
    };
    if is_up == availability.is_available() {
        return;
    }
    if is_up {
        availability.set(State::Available);
        tracing::info!(module = db.module(), "PostgreSQL can be reached again");
    } else {
        availability.set(State::Away("PostgreSQL cannot be reached".into()));
        tracing::warn!(module = db.module(), "PostgreSQL cannot be reached: statements fail at once");
    }
}

/// Asks the server for its time. A SQLite file has the time of this machine.
async fn ask(db: &Db) -> Result<(), sqlx::Error> {
    let Options::Postgres(options) = &db.shared.options else { return Ok(()) };
    let clock = async |connection: &mut PgConnection| {
        let before = Instant::now();
        let server = sqlx::query_scalar::<_, DateTime<Utc>>("SELECT clock_timestamp()").fetch_one(connection).await?;
        db.clock().set(before, server);
        Ok(())
    };
    if let Some(mut lease) = db.write.idle_lease().await {
        let asked = lease.run(async |connection| match connection {
            Connection::Postgres(c) => clock(c).await,
            Connection::Sqlite(_) => Ok(()),
        });
        if asked.await.is_ok() {
            return Ok(());
        }
    }
    // none is idle, or that one has lost its server
    let mut connection = options.connect().await?;
    clock(&mut connection).await?;
    connection.close().await
}
