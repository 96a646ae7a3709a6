//! Events that are still to be delivered, in the database of the module that tells them.
//!
//! [`tell`] writes a row in the transaction of the change, so that there is an event exactly when there is a change. The relay of the
//! module hands the rows to the [`Bus`] and deletes those that arrived. It is woken at commit, and looks by itself as well for what a
//! dead process has left. A relay takes rows by moving their `due_at` into the future, in one statement that skips rows which another
//! instance is taking; nobody waits for anybody, and a row that is not deleted becomes due again.
//!
//! Rows are found by being there, not by a number higher than the last one: with concurrent writers, numbers become visible out of
//! order, and a cursor would pass some by.

use crate::{
    Code, Ctx, Envelope, Event, Fault,
    bus::{Bus, Delivery, RetryPlan},
    db::{Db, Tx},
    jobs::Jobs,
    now,
};
use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, IntoActiveModel, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait,
    entity::prelude::{
        ActiveModelBehavior, DateTimeUtc, DeriveEntityModel, DerivePrimaryKey, DeriveRelation, EnumIter, PrimaryKeyTrait, Uuid,
    },
    sea_query::{Expr, LockBehavior, LockType},
};
use std::time::Duration;

/// How many events a relay takes at once.
const BATCH: u64 = 100;
/// How long a relay may hold what it has taken: longer than a delivery may take. What a dead one had is delivered after that.
const LEASE: TimeDelta = TimeDelta::seconds(15);
/// How often a relay looks by itself.
const PERIOD: Duration = Duration::from_secs(1);

/// The row of an event.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "outbox")]
pub struct Model {
    /// The event's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The [`Envelope`] as JSON.
    #[sea_orm(column_type = "Text")]
    pub event: String,
    /// How often its delivery has failed in a way that waiting does not mend.
    pub attempts: i32,
    /// When it is to be delivered, or delivered again.
    pub due_at: DateTimeUtc,
    /// Why the last delivery failed.
    #[sea_orm(column_type = "Text", nullable)]
    pub reason: Option<String>,
    /// Since when it is a dead letter.
    pub dead_at: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
#[expect(missing_docs, reason = "sea-orm wants it public; there are no relations")]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Tells that something happened, if `tx` is committed.
///
/// # Errors
/// When the store fails; then the change must not be committed.
pub async fn tell<E: Event>(tx: &Tx, cx: &Ctx, event: &E) -> Result<(), Fault> {
    tell_all(tx, cx, std::slice::from_ref(event)).await
}

/// Tells several things at once, in one write.
///
/// # Errors
/// As [`tell`].
pub async fn tell_all<E: Event>(tx: &Tx, cx: &Ctx, events: &[E]) -> Result<(), Fault> {
    if events.is_empty() {
        return Ok(());
    }
    let due_at = now();
    let row = |event: &E| {
        let envelope = Envelope::new(cx, event)?;
        let event = serde_json::to_string(&envelope).map_err(Fault::internal)?;
        Ok(Model { id: envelope.id, event, attempts: 0, due_at, reason: None, dead_at: None }.into_active_model())
    };
    let rows = events.iter().map(row).collect::<Result<Vec<_>, Fault>>()?;
    Entity::insert_many(rows).exec_without_returning(&**tx).await?;
    tx.tells();
    Ok(())
}

/// Delivers the events of a module.
pub fn relay(db: &Db, bus: Bus, jobs: &Jobs) {
    let (db, module) = (db.in_background(), db.module());
    let depth = metrics::gauge!("souk_outbox_events", "module" => module);
    let dead = metrics::gauge!("souk_outbox_dead_letters", "module" => module);
    let age = metrics::gauge!("souk_outbox_oldest_seconds", "module" => module);
    let stop = jobs.stopping().clone();
    jobs.keep(format!("{module}.outbox"), {
        let db = db.clone();
        move |beat| {
            let (db, stop, bus) = (db.clone(), stop.clone(), bus.clone());
            let mut delivery = bus.delivery();
            async move {
                let mut pause = backon::BackoffBuilder::build(pauses());
                loop {
                    let round = deliver(&db, &mut delivery, bus.retry_plan()).await;
                    if round.is_ok() {
                        beat.succeeded()
                    } else {
                        beat.failed()
                    }
                    let wait = match round {
                        Ok(Round::Idle) => PERIOD,
                        Ok(Round::Delivered) => {
                            pause = backon::BackoffBuilder::build(pauses());
                            Duration::ZERO
                        }
                        // a fault was logged where it was made
                        Ok(Round::Unreachable) | Err(_) => pause.next().unwrap_or(PERIOD),
                    };
                    let woken = async {
                        match wait {
                            PERIOD => drop(tokio::time::timeout(PERIOD, db.events_told()).await),
                            wait => tokio::time::sleep(wait).await,
                        }
                    };
                    if stop.run_until_cancelled(woken).await.is_none() {
                        return;
                    }
                }
            }
        }
    });
    jobs.every(format!("{module}.outbox_metrics"), Duration::from_secs(5), move || {
        let (db, depth, dead, age) = (db.clone(), depth.clone(), dead.clone(), age.clone());
        async move {
            let state = state(db.read()).await?;
            depth.set(state.depth as f64);
            dead.set(state.dead as f64);
            age.set(state.oldest.as_secs_f64());
            Ok(())
        }
    });
}

/// Between two looks while nobody can be reached: from 100 ms to 5 s.
fn pauses() -> backon::ExponentialBuilder {
    backon::ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(100))
        .with_max_delay(Duration::from_secs(5))
        .with_jitter()
        .without_max_times()
}

/// What became of a look into the outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Round {
    /// There was nothing to deliver.
    Idle,
    /// Something was, and there may be more.
    Delivered,
    /// Something was, and somebody could not be reached.
    Unreachable,
}

async fn deliver(db: &Db, delivery: &mut Delivery, plan: &RetryPlan) -> Result<Round, Fault> {
    let rows = take(db).await?;
    if rows.is_empty() {
        return Ok(Round::Idle);
    }
    let mut events = Vec::with_capacity(rows.len());
    let (mut gone, mut round) = (Vec::new(), Round::Delivered);
    for row in rows {
        match serde_json::from_str::<Envelope>(&row.event) {
            Ok(event) => events.push((row, event)),
            Err(e) => give_up(db, &row, &format!("cannot be read: {e}")).await?,
        }
    }
    let outcomes = delivery.deliver(events.iter().map(|(_, event)| event)).await;
    for ((row, event), outcome) in events.iter().zip(outcomes) {
        match outcome {
            Ok(()) => gone.push(row.id),
            Err(fault) if is_passing(&fault) => {
                round = Round::Unreachable;
                put_off(db, row, TimeDelta::milliseconds(500), &fault, row.attempts).await?;
            }
            Err(fault) => match plan.wait(row.attempts) {
                Some(wait) => {
                    let wait = TimeDelta::from_std(wait).unwrap_or(LEASE);
                    put_off(db, row, wait, &fault, row.attempts + 1).await?;
                }
                None => {
                    tracing::error!(event = %row.id, r#type = %event.r#type, error = %fault, "dead letter");
                    give_up(db, row, &fault.to_string()).await?;
                }
            },
        }
    }
    if !gone.is_empty() {
        Entity::delete_many().filter(Column::Id.is_in(gone)).exec(db.write()).await?;
    }
    Ok(round)
}

/// Whether the same delivery can be expected to work later without anyone doing anything.
pub(crate) fn is_passing(fault: &Fault) -> bool {
    matches!(fault.code(), Code::Unavailable | Code::DeadlineExceeded | Code::TooManyRequests)
}

/// Takes events whose time has come, the oldest first.
async fn take(db: &Db) -> Result<Vec<Model>, Fault> {
    let now = now();
    let due = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::DeadAt.is_null())
        .filter(Column::DueAt.lte(now))
        .order_by_asc(Column::DueAt)
        .limit(BATCH)
        // two relays never wait for each other. (SQLite has one writer and ignores the lock.)
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .into_query();
    // most looks find nothing: on SQLite that must not wait for the one connection that writes
    if Entity::find().filter(Column::DeadAt.is_null()).filter(Column::DueAt.lte(now)).limit(1).one(db.read()).await?.is_none() {
        return Ok(Vec::new());
    }
    let mut taken = Entity::update_many()
        .col_expr(Column::DueAt, Expr::value(now + LEASE))
        .filter(Column::Id.in_subquery(due))
        .exec_with_returning(db.write())
        .await?;
    taken.sort_unstable_by_key(|row| row.id);
    Ok(taken)
}

async fn put_off(db: &Db, row: &Model, wait: TimeDelta, why: &Fault, attempts: i32) -> Result<(), Fault> {
    Entity::update_many()
        .col_expr(Column::DueAt, Expr::value(now() + wait))
        .col_expr(Column::Attempts, Expr::value(attempts))
        .col_expr(Column::Reason, Expr::value(why.to_string()))
        .filter(Column::Id.eq(row.id))
        .exec(db.write())
        .await?;
    Ok(())
}

async fn give_up(db: &Db, row: &Model, why: &str) -> Result<(), Fault> {
    metrics::counter!("souk_dead_letters_total", "place" => db.module()).increment(1);
    Entity::update_many()
        .col_expr(Column::DeadAt, Expr::value(now()))
        .col_expr(Column::Attempts, Expr::col(Column::Attempts).add(1))
        .col_expr(Column::Reason, Expr::value(why))
        .filter(Column::Id.eq(row.id))
        .exec(db.write())
        .await?;
    Ok(())
}

/// How full an outbox is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    /// Events that are to be delivered.
    pub depth: u64,
    /// Dead letters.
    pub dead: u64,
    /// Age of the oldest event that is to be delivered.
    pub oldest: Duration,
}

/// How full the outbox is.
///
/// # Errors
/// When the store fails.
pub async fn state(db: &impl ConnectionTrait) -> Result<State, Fault> {
    let waiting = || Entity::find().filter(Column::DeadAt.is_null());
    let oldest: Option<Uuid> =
        waiting().select_only().column(Column::Id).order_by_asc(Column::Id).limit(1).into_tuple().one(db).await?;
    let dead = Entity::find().filter(Column::DeadAt.is_not_null()).count(db).await?;
    let Some(oldest) = oldest else { return Ok(State { depth: 0, dead, oldest: Duration::ZERO }) };
    let oldest = told_at(oldest).map_or(Duration::ZERO, |at| (now() - at).to_std().unwrap_or_default());
    Ok(State { depth: waiting().count(db).await?, dead, oldest })
}

/// The time in the id of an event.
fn told_at(id: Uuid) -> Option<DateTime<Utc>> {
    let (seconds, nanos) = id.get_timestamp()?.to_unix();
    DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanos)
}

/// Dead letters, the oldest first, at most `limit`.
///
/// # Errors
/// When the store fails.
pub async fn dead_letters(db: &impl ConnectionTrait, limit: u64) -> Result<Vec<Model>, Fault> {
    Ok(Entity::find().filter(Column::DeadAt.is_not_null()).order_by_asc(Column::Id).limit(limit).all(db).await?)
}

/// Makes dead letters due again: one, or all. Returns how many.
///
/// # Errors
/// When the store fails.
pub async fn replay(db: &impl ConnectionTrait, id: Option<Uuid>) -> Result<u64, Fault> {
    let mut update = Entity::update_many()
        .col_expr(Column::DeadAt, Expr::value(None::<DateTime<Utc>>))
        .col_expr(Column::DueAt, Expr::value(now()))
        .col_expr(Column::Attempts, Expr::value(0))
        .filter(Column::DeadAt.is_not_null());
    if let Some(id) = id {
        update = update.filter(Column::Id.eq(id));
    }
    Ok(update.exec(db).await?.rows_affected)
}

/// Deletes dead letters: one, or all. Returns how many.
///
/// # Errors
/// When the store fails.
pub async fn discard(db: &impl ConnectionTrait, id: Option<Uuid>) -> Result<u64, Fault> {
    let mut delete = Entity::delete_many().filter(Column::DeadAt.is_not_null());
    if let Some(id) = id {
        delete = delete.filter(Column::Id.eq(id));
    }
    Ok(delete.exec(db).await?.rows_affected)
}
