//! Events that were handled, noted in the transaction that handled them: an event that comes again is recognized, and changes
//! nothing.

mod schema;

pub use schema::create_table;

use crate::{Fault, db::Tx, now, sweep};
use chrono::TimeDelta;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, TryInsertResult,
    entity::prelude::{
        ActiveModelBehavior, DateTimeUtc, DeriveEntityModel, DerivePrimaryKey, DeriveRelation, EnumIter, PrimaryKeyTrait, Uuid,
    },
};

/// How long events are remembered: much longer than the longest retry. A dead letter was never handled, and so may be older.
const KEPT: TimeDelta = TimeDelta::days(30);

/// The row of an event that was handled.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "inbox")]
pub struct Model {
    /// The event.
    #[sea_orm(primary_key, auto_increment = false)]
    pub event_id: Uuid,
    /// When it was handled.
    pub handled_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
#[expect(missing_docs, reason = "sea-orm wants it public; there are no relations")]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Notes an event; `false` when it was handled before.
///
/// # Errors
/// When the store fails.
pub async fn is_new(tx: &Tx, event_id: Uuid) -> Result<bool, Fault> {
    let row = Model { event_id, handled_at: now() };
    let inserted = Entity::insert(row.into_active_model()).on_conflict_do_nothing().exec_without_returning(&**tx).await?;
    Ok(matches!(inserted, TryInsertResult::Inserted(1..)))
}

/// Deletes the rows of events that were handled more than 30 days ago.
///
/// # Errors
/// When the store fails.
pub async fn sweep(db: &impl ConnectionTrait) -> Result<(), Fault> {
    sweep::in_batches::<Entity>(db, Column::HandledAt.lt(now() - KEPT)).await?;
    Ok(())
}
