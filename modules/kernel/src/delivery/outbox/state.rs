//! How full an outbox is.

use super::row::{Column, Entity, published_at};
use crate::{Fault, now};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, entity::prelude::Uuid,
};
use std::time::Duration;

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
