//! Queries of holds: which order holds which variants.

use crate::entity::{hold, hold_line};
use kernel::{
    Fault, OrderId,
    chrono::{DateTime, Utc},
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect, TryInsertResult,
    sea_query::Expr,
};

type Result<T> = std::result::Result<T, Fault>;

pub(crate) async fn hold(db: &impl ConnectionTrait, order: OrderId) -> Result<Option<hold::Model>> {
    Ok(hold::Entity::find_by_id(order.0).one(db).await?)
}

pub(crate) async fn lines(db: &impl ConnectionTrait, order: OrderId) -> Result<Vec<hold_line::Model>> {
    let find = hold_line::Entity::find().filter(hold_line::Column::OrderId.eq(order.0));
    Ok(find.order_by_asc(hold_line::Column::VariantId).all(db).await?)
}

/// Inserts a hold; `false` when the order has a hold already, or has had one.
pub(crate) async fn insert(db: &impl ConnectionTrait, hold: hold::Model) -> Result<bool> {
    let insert = hold::Entity::insert(hold.into_active_model()).on_conflict_do_nothing();
    Ok(matches!(insert.exec_without_returning(db).await?, TryInsertResult::Inserted(1..)))
}

pub(crate) async fn insert_lines(db: &impl ConnectionTrait, lines: &[hold_line::Model]) -> Result<()> {
    let rows = lines.iter().cloned().map(IntoActiveModel::into_active_model);
    hold_line::Entity::insert_many(rows).exec_without_returning(db).await?;
    Ok(())
}

/// Changes the status of a hold; `false` when its status is not `from`.
pub(crate) async fn move_to(db: &impl ConnectionTrait, order: OrderId, from: hold::Status, to: hold::Status) -> Result<bool> {
    let done = hold::Entity::update_many()
        .col_expr(hold::Column::Status, Expr::value(to))
        .filter(hold::Column::OrderId.eq(order.0))
        .filter(hold::Column::Status.eq(from))
        .exec(db)
        .await?;
    Ok(done.rows_affected == 1)
}

/// Removes up to `limit` holds whose stock went back into the shop and which would have expired before `until`, with their lines.
/// Returns their number. Holds of what was sold stay.
pub(crate) async fn sweep(db: &impl ConnectionTrait, until: DateTime<Utc>, limit: u64) -> Result<u64> {
    let ended = hold::Entity::find()
        .select_only()
        .column(hold::Column::OrderId)
        .filter(hold::Column::Status.is_in([hold::Status::Released, hold::Status::Expired]))
        .filter(hold::Column::ExpiresAt.lt(until))
        .limit(limit);
    let orders: Vec<i64> = ended.into_tuple().all(db).await?;
    if !orders.is_empty() {
        hold_line::Entity::delete_many().filter(hold_line::Column::OrderId.is_in(orders.iter().copied())).exec(db).await?;
        hold::Entity::delete_many().filter(hold::Column::OrderId.is_in(orders.iter().copied())).exec(db).await?;
    }
    Ok(orders.len() as u64)
}

/// Marks up to `limit` holds as expired and returns their orders.
pub(crate) async fn expire(db: &impl ConnectionTrait, now: DateTime<Utc>, limit: u64) -> Result<Vec<OrderId>> {
    let due = hold::Entity::find()
        .select_only()
        .column(hold::Column::OrderId)
        .filter(hold::Column::Status.eq(hold::Status::Held))
        .filter(hold::Column::ExpiresAt.lte(now))
        .limit(limit);
    let orders: Vec<i64> = due.into_tuple().all(db).await?;
    if orders.is_empty() {
        return Ok(Vec::new());
    }
    let expired = hold::Entity::update_many()
        .col_expr(hold::Column::Status, Expr::value(hold::Status::Expired))
        .filter(hold::Column::OrderId.is_in(orders))
        .filter(hold::Column::Status.eq(hold::Status::Held))
        .exec_with_returning(db)
        .await?;
    Ok(expired.into_iter().map(|hold| OrderId(hold.order_id)).collect())
}
