//! Looks after a database: brings it up when it can be reached, notices when its server goes away and when it comes back, and what
//! time it is there.
//!
//! Requests that keep coming must not pile up while a server is silent. So somebody looks: as soon as a statement loses its
//! connection, and from time to time when none succeeds. From then on until the server answers again nobody asks it.

use super::{
    Db,
    connection::{Connection, Options},
    gate::State,
};
use crate::{
    jobs::{Beat, CancellationToken},
    log::log_seldom,
};
use backon::BackoffBuilder;
use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbBackend, DbErr};
use sqlx::{ConnectOptions, Connection as _, PgConnection};
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// How often somebody looks while no statement succeeds.
const PERIOD: Duration = Duration::from_millis(500);
/// The same while the server is away, and the shortest time between two looks.
const SHORT: Duration = Duration::from_millis(100);
/// How long the server may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// How old the time of the server may be, of which our clocks tell the rest.
const CLOCK: Duration = Duration::from_secs(30);

pub(super) async fn keep(db: Db, stop: CancellationToken, beat: Beat) {
    let work = async {
        bring_up(&db, &beat).await;
        watch(&db, &beat).await;
    };
    stop.run_until_cancelled(work).await;
}

async fn bring_up(db: &Db, beat: &Beat) {
    let pauses = backon::ExponentialBuilder::default().with_min_delay(SHORT).with_max_delay(Duration::from_secs(5));
    let mut pauses = pauses.with_jitter().without_max_times().build();
    while let Err(e) = db.migrate().await {
        beat.failed();
        let why = if is_away(&e) { "the database cannot be reached" } else { "its tables cannot be brought up to date" };
        db.gate().set(State::Away(why.into()));
        log_seldom(db.module(), |again| tracing::warn!(module = db.module(), error = %e, again, "{why}; trying again"));
        tokio::time::sleep(pauses.next().unwrap_or(PERIOD)).await;
    }
    tracing::debug!(module = db.module(), "the database is up");
}

fn is_away(e: &DbErr) -> bool {
    matches!(e, DbErr::Conn(_) | DbErr::ConnectionAcquire(_))
}

async fn watch(db: &Db, beat: &Beat) {
    let gate = db.gate();
    let is_server = db.read.get_database_backend() == DbBackend::Postgres;
    let mut clock = Instant::now();
    loop {
        beat.succeeded();
        let period = if gate.is_open() { PERIOD } else { SHORT };
        let is_doubted = timeout(period, gate.doubt.notified()).await.is_ok();
        // a file is always there
        if !is_server || !(is_doubted || !gate.was_used() || clock.elapsed() > CLOCK) {
            continue;
        }
        clock = Instant::now();
        look(db).await;
        if is_doubted {
            tokio::time::sleep(SHORT).await;
        }
    }
}

async fn look(db: &Db) {
    let gate = db.gate();
    let is_there = match timeout(PATIENCE, ask(db)).await {
        Ok(Ok(())) => true,
        // it stops or starts; whatever else it says, it is there
        Ok(Err(sqlx::Error::Database(e))) => !e.code().is_some_and(|state| state.starts_with("57P0")),
        _ => false,
    };
    if is_there == gate.is_open() {
        return;
    }
    if is_there {
        gate.set(State::Open);
        tracing::info!(module = db.module(), "PostgreSQL can be reached again");
    } else {
        gate.set(State::Away("PostgreSQL cannot be reached".into()));
        tracing::warn!(module = db.module(), "PostgreSQL cannot be reached: nobody waits for it");
    }
}

/// Asks the server what time it is there. A file is on this machine, and so is its time.
pub(super) async fn ask(db: &Db) -> Result<(), sqlx::Error> {
    let Options::Postgres(options) = &db.shared.options else { return Ok(()) };
    let clock = async |connection: &mut PgConnection| {
        let before = Instant::now();
        let there = sqlx::query_scalar::<_, DateTime<Utc>>("SELECT clock_timestamp()").fetch_one(connection).await?;
        db.gate().set_clock(before, there);
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
