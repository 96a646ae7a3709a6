//! Every query of the module, and nothing but queries.

pub(crate) mod checks;

use crate::{
    NextAction, PaymentId,
    entity::payment::{self, Column, NOT_REACHED, Status},
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

/// The payment, locked against other calls to the provider about it. (SQLite has one writer and ignores the lock.)
pub(crate) async fn lock(db: &impl ConnectionTrait, id: PaymentId) -> Result<Option<payment::Model>> {
    Ok(payment::Entity::find_by_id(id.0).lock_exclusive().one(db).await?)
}

/// This attempt of the order, and the attempt that is running or has paid, if any; locked.
pub(crate) async fn lock_attempts(db: &impl ConnectionTrait, order: OrderId, attempt: i64) -> Result<Vec<payment::Model>> {
    let live = [Status::Processing, Status::RequiresAction, Status::Succeeded, Status::Refunded];
    let wanted = Condition::any().add(Column::Attempt.eq(attempt)).add(Column::Status.is_in(live));
    let find = payment::Entity::find().filter(Column::OrderId.eq(order.0)).filter(wanted);
    Ok(find.lock_exclusive().all(db).await?)
}

/// `false` when the attempt exists, or another attempt of the order came first.
pub(crate) async fn insert(db: &impl ConnectionTrait, row: payment::Model) -> Result<bool> {
    // either unique index may conflict: an attempt exists once, and an order has one running attempt
    let insert = payment::Entity::insert(row.into_active_model()).on_conflict(OnConflict::new().do_nothing().to_owned());
    Ok(insert.exec_without_returning(db).await? == 1)
}

/// Stores that a call to the provider begins. The caller has locked the payment.
pub(crate) async fn begin_call(db: &impl ConnectionTrait, found: &payment::Model) -> Result<payment::Model> {
    let change = payment::ActiveModel {
        id: Unchanged(found.id),
        status: Set(Status::Processing),
        calls: Set(found.calls + 1),
        updated_at: Set(now()),
        version: Set(found.version + 1),
        ..Default::default()
    };
    Ok(change.update(db).await?)
}

pub(crate) async fn set_succeeded(db: &impl ConnectionTrait, id: PaymentId, reference: String) -> Result<Option<payment::Model>> {
    let provider_reference = Set(Some(reference));
    let change = payment::ActiveModel { status: Set(Status::Succeeded), provider_reference, ..Default::default() };
    change_if(db, is_in(id, Status::Processing), change).await
}

pub(crate) async fn set_declined(db: &impl ConnectionTrait, id: PaymentId, reason: String) -> Result<Option<payment::Model>> {
    change_if(db, is_in(id, Status::Processing), failed(reason)).await
}

/// `None` when a later call has begun.
pub(crate) async fn set_requires_action(
    db: &impl ConnectionTrait,
    called: &payment::Model,
    reference: String,
    action: NextAction,
) -> Result<Option<payment::Model>> {
    let change = payment::ActiveModel {
        status: Set(Status::RequiresAction),
        provider_reference: Set(Some(reference)),
        action_kind: Set(Some(action.kind)),
        action_description: Set(Some(action.description)),
        ..Default::default()
    };
    change_if(db, is_last_call(called), change).await
}

/// Ends an attempt that did not reach the provider; a confirmation can be repeated. `None` when a later call has begun.
pub(crate) async fn set_not_reached(db: &impl ConnectionTrait, called: &payment::Model) -> Result<Option<payment::Model>> {
    let change = match called.provider_reference {
        None => failed(NOT_REACHED.into()),
        Some(_) => payment::ActiveModel { status: Set(Status::RequiresAction), ..Default::default() },
    };
    change_if(db, is_last_call(called), change).await
}

/// Cancels a payment that requires an action of the payer.
pub(crate) async fn cancel(db: &impl ConnectionTrait, id: PaymentId) -> Result<()> {
    let change = payment::ActiveModel { status: Set(Status::Cancelled), ..Default::default() };
    change_if(db, is_in(id, Status::RequiresAction), change).await.map(drop)
}

/// `None` when another call has stored the refund.
pub(crate) async fn set_refunded(db: &impl ConnectionTrait, id: PaymentId) -> Result<Option<payment::Model>> {
    let change = payment::ActiveModel { status: Set(Status::Refunded), ..Default::default() };
    change_if(db, is_in(id, Status::Succeeded), change).await
}

fn failed(reason: String) -> payment::ActiveModel {
    payment::ActiveModel { status: Set(Status::Failed), failure_reason: Set(Some(reason)), ..Default::default() }
}

fn is_in(id: PaymentId, status: Status) -> Condition {
    Condition::all().add(Column::Id.eq(id.0)).add(Column::Status.eq(status))
}

/// Whether the payment is `processing`, and no call has begun after this one.
fn is_last_call(called: &payment::Model) -> Condition {
    is_in(PaymentId(called.id), Status::Processing).add(Column::Calls.eq(called.calls))
}

/// Writes the set values of `change` to the payment that meets the condition.
async fn change_if(
    db: &impl ConnectionTrait,
    condition: Condition,
    change: payment::ActiveModel,
) -> Result<Option<payment::Model>> {
    let change = payment::ActiveModel { updated_at: Set(now()), ..change };
    let update = payment::Entity::update_many().set(change).col_expr(Column::Version, Expr::col(Column::Version).add(1));
    let changed = update.filter(condition).exec_with_returning(db).await?;
    Ok(changed.into_iter().next())
}
