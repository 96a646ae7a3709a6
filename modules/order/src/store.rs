//! Every query of the module, and nothing but queries. A state changes only where the statement names the state before it.

use crate::entity::{
    effect::{self, Kind},
    line,
    order::{self, Column, State},
    timeline,
};
use kernel::{
    Fault, OrderId, UserId,
    chrono::{DateTime, TimeDelta, Utc},
    now,
};
use payment::PaymentId;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, EntityTrait, ExprTrait, IntoActiveModel, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect, Set,
    sea_query::{Expr, OnConflict},
};

type Result<T> = std::result::Result<T, Fault>;

pub(crate) async fn insert(db: &impl ConnectionTrait, row: order::ActiveModel) -> Result<order::Model> {
    Ok(row.insert(db).await?)
}

pub(crate) async fn order(db: &impl ConnectionTrait, id: OrderId) -> Result<Option<order::Model>> {
    Ok(order::Entity::find_by_id(id.0).one(db).await?)
}

/// Those of these orders that there are.
pub(crate) async fn orders(db: &impl ConnectionTrait, ids: &[i64]) -> Result<Vec<order::Model>> {
    Ok(order::Entity::find().filter(Column::Id.is_in(ids.iter().copied())).all(db).await?)
}

pub(crate) async fn order_of_payment(db: &impl ConnectionTrait, id: PaymentId) -> Result<Option<order::Model>> {
    Ok(order::Entity::find().filter(Column::PaymentId.eq(id.0)).one(db).await?)
}

/// Moves an order on, and sets the values of `change` with it; `None` when it is not in the state `from`.
pub(crate) async fn advance(
    db: &impl ConnectionTrait,
    id: i64,
    from: State,
    to: State,
    mut change: order::ActiveModel,
) -> Result<Option<order::Model>> {
    change.state = Set(to);
    change.updated_at = Set(now());
    let changed = order::Entity::update_many()
        .set(change)
        .col_expr(Column::Version, Expr::col(Column::Version).add(1))
        .filter(Column::Id.eq(id))
        .filter(Column::State.eq(from))
        .exec_with_returning(db)
        .await?;
    Ok(changed.into_iter().next())
}

/// Takes over an order whose passing state was left behind; `false` when someone else did, or its request still runs.
pub(crate) async fn take_over(db: &impl ConnectionTrait, id: i64, state: State, until: DateTime<Utc>) -> Result<bool> {
    let done = order::Entity::update_many()
        .col_expr(Column::LeaseUntil, Expr::value(until))
        .filter(Column::Id.eq(id))
        .filter(Column::State.eq(state))
        .filter(Column::LeaseUntil.lte(now()))
        .exec(db)
        .await?;
    Ok(done.rows_affected == 1)
}

/// Gives up the lease of an order whose request ended without knowing the outcome.
pub(crate) async fn end_lease(db: &impl ConnectionTrait, id: i64, state: State, attempt: i32) -> Result<()> {
    order::Entity::update_many()
        .col_expr(Column::LeaseUntil, Expr::value(now()))
        .filter(Column::Id.eq(id))
        .filter(Column::State.eq(state))
        .filter(Column::Attempt.eq(attempt))
        .exec(db)
        .await?;
    Ok(())
}

/// Removes an order that was never placed.
pub(crate) async fn delete_placing(db: &impl ConnectionTrait, id: i64) -> Result<bool> {
    let delete = order::Entity::delete_many().filter(Column::Id.eq(id)).filter(Column::State.eq(State::Placing));
    Ok(delete.exec(db).await?.rows_affected == 1)
}

/// Orders in a passing state whose request is gone.
pub(crate) async fn left_behind(db: &impl ConnectionTrait, limit: u64) -> Result<Vec<order::Model>> {
    let find = order::Entity::find()
        .filter(Column::State.is_in([State::Placing, State::Charging]))
        .filter(Column::LeaseUntil.lte(now()));
    Ok(find.order_by_asc(Column::LeaseUntil).limit(limit).all(db).await?)
}

/// Moves unpaid orders whose time is over to `expired`, and returns them.
pub(crate) async fn expire(db: &impl ConnectionTrait, limit: u64) -> Result<Vec<order::Model>> {
    let now = now();
    let due = order::Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::State.eq(State::Pending))
        .filter(Column::ExpiresAt.lte(now))
        .limit(limit);
    let due: Vec<i64> = due.into_tuple().all(db).await?;
    if due.is_empty() {
        return Ok(Vec::new());
    }
    let expired = order::Entity::update_many()
        .col_expr(Column::State, Expr::value(State::Expired))
        .col_expr(Column::Version, Expr::col(Column::Version).add(1))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::Id.is_in(due))
        .filter(Column::State.eq(State::Pending))
        .exec_with_returning(db)
        .await?;
    Ok(expired)
}

pub(crate) async fn insert_lines(db: &impl ConnectionTrait, lines: &[line::Model]) -> Result<()> {
    let rows = lines.iter().cloned().map(IntoActiveModel::into_active_model);
    line::Entity::insert_many(rows).exec_without_returning(db).await?;
    Ok(())
}

/// The lines of these orders, sorted by order and product.
pub(crate) async fn lines(db: &impl ConnectionTrait, orders: &[i64]) -> Result<Vec<line::Model>> {
    let find = line::Entity::find().filter(line::Column::OrderId.is_in(orders.iter().copied()));
    Ok(find.order_by_asc(line::Column::OrderId).order_by_asc(line::Column::ProductId).all(db).await?)
}

/// Notes what happened to these orders; returns the entries of their timelines.
pub(crate) async fn note(db: &impl ConnectionTrait, orders: &[i64], state: State, note: &str) -> Result<Vec<timeline::Model>> {
    let at = now();
    let row = |id: &i64| timeline::ActiveModel {
        order_id: Set(*id),
        at: Set(at),
        state: Set(state),
        note: Set(note.into()),
        ..Default::default()
    };
    Ok(timeline::Entity::insert_many(orders.iter().map(row)).exec_with_returning(db).await?)
}

/// The timelines of these orders, sorted by order and time.
pub(crate) async fn timelines(db: &impl ConnectionTrait, orders: &[i64]) -> Result<Vec<timeline::Model>> {
    let find = timeline::Entity::find().filter(timeline::Column::OrderId.is_in(orders.iter().copied()));
    Ok(find.order_by_asc(timeline::Column::OrderId).order_by_asc(timeline::Column::Id).all(db).await?)
}

/// Whose orders are listed, and in which states.
pub(crate) fn filter(user: Option<UserId>, states: Option<Vec<State>>) -> Condition {
    Condition::all()
        .add(Column::State.ne(State::Placing))
        .add_option(user.map(|id| Column::UserId.eq(id.0)))
        .add_option(states.map(|states| Column::State.is_in(states)))
}

pub(crate) async fn page(db: &impl ConnectionTrait, filter: &Condition, offset: u64, limit: u64) -> Result<Vec<order::Model>> {
    let find = order::Entity::find().filter(filter.clone()).order_by_desc(Column::Id);
    Ok(find.offset(offset).limit(limit).all(db).await?)
}

pub(crate) async fn count(db: &impl ConnectionTrait, filter: &Condition) -> Result<u64> {
    Ok(order::Entity::find().filter(filter.clone()).count(db).await?)
}

/// Asks for an effect of these orders. It is due soon: the request that asks for it tries first, and the job if that fails.
pub(crate) async fn add_effect(db: &impl ConnectionTrait, orders: &[i64], kind: Kind) -> Result<()> {
    add_due_effect(db, orders, kind, now() + TimeDelta::seconds(5)).await
}

/// Asks for an effect of these orders that the job tries from `due_at` on.
pub(crate) async fn add_due_effect(db: &impl ConnectionTrait, orders: &[i64], kind: Kind, due_at: DateTime<Utc>) -> Result<()> {
    let row = |id: &i64| effect::Model { order_id: *id, kind, attempts: 0, due_at }.into_active_model();
    effect::Entity::insert_many(orders.iter().map(row))
        .on_conflict(OnConflict::columns([effect::Column::OrderId, effect::Column::Kind]).do_nothing().to_owned())
        .exec_without_returning(db)
        .await?;
    Ok(())
}

/// Effects whose time has come.
pub(crate) async fn due_effects(db: &impl ConnectionTrait, limit: u64) -> Result<Vec<effect::Model>> {
    let find = effect::Entity::find().filter(effect::Column::DueAt.lte(now()));
    Ok(find.order_by_asc(effect::Column::DueAt).limit(limit).all(db).await?)
}

pub(crate) async fn delete_effect(db: &impl ConnectionTrait, effect: &effect::Model) -> Result<()> {
    effect::Entity::delete_by_id((effect.order_id, effect.kind)).exec(db).await?;
    Ok(())
}

/// Puts an effect off: 1 s after the first failure, then twice as long each time, up to 5 minutes.
pub(crate) async fn put_off(db: &impl ConnectionTrait, effect: &effect::Model) -> Result<()> {
    let wait = TimeDelta::seconds(Ord::min(1 << effect.attempts.clamp(0, 9), 300));
    effect::Entity::update_many()
        .col_expr(effect::Column::Attempts, Expr::col(effect::Column::Attempts).add(1))
        .col_expr(effect::Column::DueAt, Expr::value(now() + wait))
        .filter(effect::Column::OrderId.eq(effect.order_id))
        .filter(effect::Column::Kind.eq(effect.kind))
        .exec(db)
        .await?;
    Ok(())
}
