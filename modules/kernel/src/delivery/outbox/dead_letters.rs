//! The dead letters of an outbox.

use super::row::{Column, Entity, Model};
use crate::Fault;
use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, entity::prelude::Uuid,
    sea_query::Expr,
};
use std::collections::BTreeMap;

/// Selects dead letters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeadLetterFilter {
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
    filter: &DeadLetterFilter,
    after: Option<&Model>,
    limit: u64,
) -> Result<Vec<Model>, Fault> {
    let after = after.map(|last| {
        let same_event = Condition::all().add(Column::Id.eq(last.id)).add(Column::Listener.gt(last.listener.as_str()));
        Condition::any().add(Column::Id.gt(last.id)).add(same_event)
    });
    let wanted = Condition::all()
        .add(Column::DeadAt.is_not_null())
        .add_option(filter.id.map(|id| Column::Id.eq(id)))
        .add_option(filter.listener.as_deref().map(|listener| Column::Listener.eq(listener)))
        .add_option(after);
    let find = Entity::find().filter(wanted).order_by_asc(Column::Id).order_by_asc(Column::Listener);
    Ok(find.limit(limit).all(db).await?)
}

/// Makes these dead letters due again, as if they had just been published.
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
