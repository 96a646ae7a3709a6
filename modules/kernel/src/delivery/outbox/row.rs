//! The table of the outbox.

use crate::{Envelope, Fault};
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::{
    ActiveModelBehavior, DateTimeUtc, DeriveEntityModel, DerivePrimaryKey, DeriveRelation, EntityTrait, EnumIter,
    PrimaryKeyTrait, Uuid,
};
use std::time::Duration;

/// The row of an event for a listener.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "outbox")]
pub struct Model {
    /// The event's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The listener; [`EVERYONE`](super::EVERYONE) when it is not addressed yet.
    #[sea_orm(primary_key, auto_increment = false)]
    pub listener: String,
    /// The [`Envelope`] as JSON.
    #[sea_orm(column_type = "Text")]
    pub event: String,
    /// How often its delivery has failed, transient faults not counted.
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

impl Model {
    /// An event that is due.
    pub(super) fn new(event: &Envelope, listener: &str, due_at: DateTime<Utc>) -> Result<Self, Fault> {
        let json = serde_json::to_string(event).map_err(Fault::internal)?;
        let (attempts, reason, dead_at, replayed_at) = (0, None, None, None);
        Ok(Self { id: event.id, listener: listener.into(), event: json, attempts, due_at, reason, dead_at, replayed_at })
    }

    /// The event.
    ///
    /// # Errors
    /// `internal` when it cannot be read.
    pub(super) fn envelope(&self) -> Result<Envelope, Fault> {
        serde_json::from_str(&self.event)
            .map_err(|e| Fault::internal(format_args!("event {}: {e}", self.id)).with_message("The event cannot be read"))
    }

    /// The time since it was published or replayed.
    pub(super) fn age(&self, now: DateTime<Utc>) -> Duration {
        let since = self.replayed_at.into_iter().chain(published_at(self.id)).max();
        since.map_or(Duration::ZERO, |since| (now - since).to_std().unwrap_or_default())
    }
}

/// The time in the id of an event.
pub(super) fn published_at(id: Uuid) -> Option<DateTime<Utc>> {
    let (seconds, nanos) = id.get_timestamp()?.to_unix();
    DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanos)
}
