//! Every query of the module, and nothing but queries.

use crate::{
    PaymentId,
    entity::payment::{self, Column, Status},
};
use kernel::{Fault, OrderId, now};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Unchanged,
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, ExprTrait, IntoActiveModel, QueryFilter, QuerySelect, Set,
    sea_query::{Expr, OnConflict},
};

type Result<T> = std::result::Result<T, Fault>;

pub(crate) async fn payment(db: &impl ConnectionTrait, id: PaymentId) -> Result<Option<payment::Model>> {
    Ok(payment::Entity::find_by_id(id.0).one(db).await?)
}

/// The payment, locked against everyone else who would ask the provider about it. (SQLite has one writer and ignores the lock.)
pub(crate) async fn lock(db: &impl ConnectionTrait, id: PaymentId) -> Result<Option<payment::Model>> {
    Ok(payment::Entity::find_by_id(id.0).lock_exclusive().one(db).await?)
}

/// This attempt of the order, and the one that is under way or has paid it, if any; locked.
pub(crate) async fn lock_attempts(db: &impl ConnectionTrait, order: OrderId, attempt: i64) -> Result<Vec<payment::Model>> {
    let live = [Status::Processing, Status::RequiresAction, Status::Succeeded, Status::Refunded];
    let wanted = Condition::any().add(Column::Attempt.eq(attempt)).add(Column::Status.is_in(live));
    let find = payment::Entity::find().filter(Column::OrderId.eq(order.0)).filter(wanted);
    Ok(find.lock_exclusive().all(db).await?)
}

/// `false` when another attempt of the order came first.
pub(crate) async fn insert(db: &impl ConnectionTrait, row: payment::Model) -> Result<bool> {
    // whichever index says so: an attempt exists once, and one of an order is under way
    let insert = payment::Entity::insert(row.into_active_model()).on_conflict(OnConflict::new().do_nothing().to_owned());
    Ok(insert.exec_without_returning(db).await? == 1)
}

/// Notes that the provider is about to be asked about a payment, which the caller has locked.
pub(crate) async fn ask(db: &impl ConnectionTrait, found: &payment::Model) -> Result<payment::Model> {
    let change = payment::ActiveModel {
        id: Unchanged(found.id),
        status: Set(Status::Processing),
        asks: Set(found.asks + 1),
        updated_at: Set(now()),
        version: Set(found.version + 1),
        ..Default::default()
    };
    Ok(change.update(db).await?)
}

/// Writes the set values of `change` to the payment if it is in `from` and, with `asks`, if nobody asked the provider since.
pub(crate) async fn change(
    db: &impl ConnectionTrait,
    id: PaymentId,
    from: Status,
    asks: Option<i32>,
    change: payment::ActiveModel,
) -> Result<Option<payment::Model>> {
    let condition =
        Condition::all().add(Column::Id.eq(id.0)).add(Column::Status.eq(from)).add_option(asks.map(|asks| Column::Asks.eq(asks)));
    let change = payment::ActiveModel { updated_at: Set(now()), ..change };
    let update = payment::Entity::update_many().set(change).col_expr(Column::Version, Expr::col(Column::Version).add(1));
    let changed = update.filter(condition).exec_with_returning(db).await?;
    Ok(changed.into_iter().next())
}
