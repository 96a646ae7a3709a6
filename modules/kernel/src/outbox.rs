//! Events that are still to be delivered, in the database of the module that wakes_relay them.
//!
//! [`tell`] writes rows in the transaction of the change, so that there is an event exactly when there is a change: one row for each
//! listener, which has its own attempts and its own end. The relay of the module hands the rows over and deletes those that arrived. It
//! is woken at commit, and looks by itself as well for what a dead process has left. A relay takes rows by moving their
//! `due_at` into the future, in one statement that skips rows which another instance is taking; nobody waits for anybody, and a row
//! that is not deleted becomes due again.
//!
//! Rows are found by being there, not by a number higher than the last one: with concurrent writers, numbers become visible out of
//! order, and a cursor would pass some by.

mod lane;
mod publish;
mod relay;
mod rows;

pub use relay::relay;

use crate::{Ctx, Envelope, Event, Fault, bus::Audience, db::Tx, now};
use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    entity::prelude::{
        ActiveModelBehavior, DateTimeUtc, DeriveEntityModel, DerivePrimaryKey, DeriveRelation, EnumIter, PrimaryKeyTrait, Uuid,
    },
    sea_query::Expr,
};
use std::{collections::BTreeMap, sync::OnceLock, time::Duration};
use tokio::sync::watch;

/// The row of an event for a listener.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "outbox")]
pub struct Model {
    /// The event's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The listener; [`EVERYONE`] for all that want it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub listener: String,
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
    /// When an operator has last made it due again: its age is counted from then.
    pub replayed_at: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
#[expect(missing_docs, reason = "sea-orm wants it public; there are no relations")]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The listener of a row that is for all who want it: the broker knows them, or the relay finds out.
pub const EVERYONE: &str = "";

impl Model {
    /// An event that is due.
    fn new(event: &Envelope, listener: &str, due_at: DateTime<Utc>) -> Result<Self, Fault> {
        let json = serde_json::to_string(event).map_err(Fault::internal)?;
        let (attempts, reason, dead_at, replayed_at) = (0, None, None, None);
        Ok(Self { id: event.id, listener: listener.into(), event: json, attempts, due_at, reason, dead_at, replayed_at })
    }

    /// For how long it has been tried to deliver it.
    fn age(&self, now: DateTime<Utc>) -> Duration {
        let since = self.replayed_at.into_iter().chain(published_at(self.id)).max();
        since.map_or(Duration::ZERO, |since| (now - since).to_std().unwrap_or_default())
    }
}

/// What a database knows of the relay that delivers its events, in this process.
#[derive(Debug, Default)]
pub(crate) struct Hook {
    audience: OnceLock<Audience>,
    commits: watch::Sender<()>,
}

impl Hook {
    /// Events were told, and committed.
    pub(crate) fn committed(&self) {
        self.commits.send_replace(());
    }

    /// Whom events of a type are for. Without a relay, as in a command of an operator, nobody knows yet.
    fn listeners(&self, kind: &str) -> Vec<&'static str> {
        self.audience.get().unwrap_or(&Audience::Everyone).of(kind)
    }
}

/// Tells that something happened, if `tx` is committed.
///
/// # Errors
/// When the store fails; then the change must not be committed.
pub async fn publish<E: Event>(tx: &Tx, cx: &Ctx, event: &E) -> Result<(), Fault> {
    publish_all(tx, cx, std::slice::from_ref(event)).await
}

/// Tells several things at once, in one write.
///
/// # Errors
/// As [`tell`].
pub async fn publish_all<E: Event>(tx: &Tx, cx: &Ctx, events: &[E]) -> Result<(), Fault> {
    let (due_at, listeners) = (tx.db().now(), tx.db().hook().listeners(E::TYPE));
    let mut rows = Vec::with_capacity(events.len() * listeners.len());
    for event in events {
        let envelope = Envelope::new(cx, event)?;
        for listener in &listeners {
            rows.push(Model::new(&envelope, listener, due_at)?.into_active_model());
        }
    }
    if !rows.is_empty() {
        Entity::insert_many(rows).exec_without_returning(&**tx).await?;
        tx.wake_relay();
    }
    Ok(())
}

/// How full an outbox is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    /// Events that are to be delivered, each counted once for every listener.
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
    let oldest = published_at(oldest).map_or(Duration::ZERO, |at| (now() - at).to_std().unwrap_or_default());
    Ok(State { depth: waiting().count(db).await?, dead, oldest })
}

/// The time in the id of an event.
fn published_at(id: Uuid) -> Option<DateTime<Utc>> {
    let (seconds, nanos) = id.get_timestamp()?.to_unix();
    DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanos)
}

/// Some dead letters, sorted by event and listener.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Which {
    /// Only of this event.
    pub id: Option<Uuid>,
    /// Only of this listener.
    pub listener: Option<String>,
}

/// Dead letters, at most `limit`, sorted by event and listener, from the first one behind `after`.
///
/// # Errors
/// When the store fails.
pub async fn dead_letters(
    db: &impl ConnectionTrait,
    which: &Which,
    after: Option<&Model>,
    limit: u64,
) -> Result<Vec<Model>, Fault> {
    let after = after.map(|last| {
        let same_event = Condition::all().add(Column::Id.eq(last.id)).add(Column::Listener.gt(last.listener.as_str()));
        Condition::any().add(Column::Id.gt(last.id)).add(same_event)
    });
    let wanted = Condition::all()
        .add(Column::DeadAt.is_not_null())
        .add_option(which.id.map(|id| Column::Id.eq(id)))
        .add_option(which.listener.as_deref().map(|listener| Column::Listener.eq(listener)))
        .add_option(after);
    let find = Entity::find().filter(wanted).order_by_asc(Column::Id).order_by_asc(Column::Listener);
    Ok(find.limit(limit).all(db).await?)
}

/// Makes these dead letters due again, as if they had just been told.
///
/// # Errors
/// When the store fails.
pub async fn replay(db: &impl ConnectionTrait, letters: &[Model], now: DateTime<Utc>) -> Result<(), Fault> {
    for (listener, ids) in by_listener(letters) {
        Entity::update_many()
            .col_expr(Column::DeadAt, Expr::value(None::<DateTime<Utc>>))
            .col_expr(Column::DueAt, Expr::value(now))
            .col_expr(Column::ReplayedAt, Expr::value(now))
            .col_expr(Column::Attempts, Expr::value(0))
            .filter(dead(listener, ids))
            .exec(db)
            .await?;
    }
    Ok(())
}

/// Deletes these dead letters.
///
/// # Errors
/// When the store fails.
pub async fn discard(db: &impl ConnectionTrait, letters: &[Model]) -> Result<(), Fault> {
    for (listener, ids) in by_listener(letters) {
        Entity::delete_many().filter(dead(listener, ids)).exec(db).await?;
    }
    Ok(())
}

fn dead(listener: &str, ids: Vec<Uuid>) -> Condition {
    Condition::all().add(Column::DeadAt.is_not_null()).add(Column::Listener.eq(listener)).add(Column::Id.is_in(ids))
}

fn by_listener(rows: &[Model]) -> BTreeMap<&str, Vec<Uuid>> {
    let mut ids: BTreeMap<&str, Vec<Uuid>> = BTreeMap::new();
    for row in rows {
        ids.entry(&row.listener).or_default().push(row.id);
    }
    ids
}
