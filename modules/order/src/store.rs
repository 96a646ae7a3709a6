//! Every query of the module, and nothing but queries. A state changes only where the statement names the state before it.

use crate::entity::{
    effect::{self, Kind},
    line,
    order::{self, Column, State},
    timeline,
};
use kernel::{
    Fault, OrderId, Page, UserId,
    chrono::{DateTime, TimeDelta, Utc},
    db::Db,
    now,
};
use payment::PaymentId;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, EntityTrait, ExprTrait, IntoActiveModel, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select, Set,
    sea_query::{CommonTableExpression, Expr, IntoIden, LockBehavior, LockType, OnConflict, Query},
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

/// Moves an order to `charging`, or takes over one that is there and whose request is gone; `None` when someone else came first.
pub(crate) async fn charge(
    db: &impl ConnectionTrait,
    found: &order::Model,
    change: order::ActiveModel,
) -> Result<Option<order::Model>> {
    if found.state != State::Charging {
        return advance(db, found.id, found.state, State::Charging, change).await;
    }
    let change = order::ActiveModel { updated_at: Set(now()), ..change };
    let changed = order::Entity::update_many().set(change).filter(is_held(found)).exec_with_returning(db).await?;
    Ok(changed.into_iter().next())
}

/// Gives up the lease of an order that is being charged, and whose outcome is not known: it may be asked about from `at` on.
pub(crate) async fn end_lease(db: &impl ConnectionTrait, held: &order::Model, at: DateTime<Utc>) -> Result<()> {
    order::Entity::update_many().col_expr(Column::LeaseUntil, Expr::value(at)).filter(is_held(held)).exec(db).await?;
    Ok(())
}

/// Whether nobody has taken the order over since it was read.
fn is_held(found: &order::Model) -> Condition {
    Condition::all().add(Column::Id.eq(found.id)).add(Column::State.eq(found.state)).add(Column::LeaseUntil.eq(found.lease_until))
}

/// Removes an order that was never placed.
pub(crate) async fn delete_placing(db: &impl ConnectionTrait, id: i64) -> Result<bool> {
    let delete = order::Entity::delete_many().filter(Column::Id.eq(id)).filter(Column::State.eq(State::Placing));
    Ok(delete.exec(db).await?.rows_affected == 1)
}

/// Takes over orders in this passing state whose request is gone, until `until`. Instances that do it together share them.
pub(crate) async fn take_left_behind(
    db: &Db,
    state: State,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
    limit: u64,
) -> Result<Vec<order::Model>> {
    let left = || order::Entity::find().filter(Column::State.eq(state)).filter(Column::LeaseUntil.lte(now));
    // most looks find nothing: on SQLite that must not wait for the one connection that writes
    if left().limit(1).one(db.read()).await?.is_none() {
        return Ok(Vec::new());
    }
    let ids = left().select_only().column(Column::Id).order_by_asc(Column::LeaseUntil).limit(limit);
    let mut update = order::Entity::update_many()
        .col_expr(Column::LeaseUntil, Expr::value(until))
        .filter(Column::Id.in_subquery(Query::select().column(Column::Id).from(TAKEN).to_owned()));
    QueryTrait::query(&mut update).with_cte(taken(Column::Id, ids));
    Ok(update.exec_with_returning(db.write()).await?)
}

/// The name of what [`taken`] makes.
const TAKEN: &str = "taken";

/// These rows, locked, but for those that another instance is taking: what an `UPDATE` is to change. Materialised, because
/// PostgreSQL may run a subquery again for each row, and so find more rows each time.
fn taken<E: EntityTrait>(id: impl IntoIden, rows: Select<E>) -> CommonTableExpression {
    let rows = rows.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked).into_query();
    CommonTableExpression::new().table_name(TAKEN).column(id).query(rows).materialized(true).to_owned()
}

/// Unpaid orders whose time is over, by their ids, which are higher than `after`.
pub(crate) async fn unpaid(db: &impl ConnectionTrait, now: DateTime<Utc>, after: i64, limit: u64) -> Result<Vec<i64>> {
    let due = order::Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::State.eq(State::Pending))
        .filter(Column::ExpiresAt.lte(now))
        .filter(Column::Id.gt(after));
    Ok(due.order_by_asc(Column::Id).limit(limit).into_tuple().all(db).await?)
}

/// Moves these orders to `expired`, and returns them, but for those that are no longer unpaid, or that another instance is moving.
pub(crate) async fn expire(db: &impl ConnectionTrait, ids: &[i64], now: DateTime<Utc>) -> Result<Vec<order::Model>> {
    let mine = order::Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::Id.is_in(ids.iter().copied()))
        .filter(Column::State.eq(State::Pending))
        .order_by_asc(Column::Id)
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
    let mine: Vec<i64> = mine.into_tuple().all(db).await?;
    if mine.is_empty() {
        return Ok(Vec::new());
    }
    let expired = order::Entity::update_many()
        .col_expr(Column::State, Expr::value(State::Expired))
        .col_expr(Column::Version, Expr::col(Column::Version).add(1))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::Id.is_in(mine))
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

pub(crate) async fn page(db: &impl ConnectionTrait, filter: &Condition, page: Page) -> Result<Vec<order::Model>> {
    let find = order::Entity::find().filter(filter.clone()).order_by_desc(Column::Id);
    Ok(find.offset(page.offset()).limit(u64::from(page.per_page())).all(db).await?)
}

pub(crate) async fn count(db: &impl ConnectionTrait, filter: &Condition) -> Result<u64> {
    Ok(order::Entity::find().filter(filter.clone()).count(db).await?)
}

/// Asks for an effect of these orders that the job tries from `due_at` on.
pub(crate) async fn add_effect(db: &impl ConnectionTrait, orders: &[i64], kind: Kind, due_at: DateTime<Utc>) -> Result<()> {
    let row = |id: &i64| effect::Model { order_id: *id, kind, attempts: 0, due_at }.into_active_model();
    effect::Entity::insert_many(orders.iter().map(row))
        .on_conflict(OnConflict::columns([effect::Column::OrderId, effect::Column::Kind]).do_nothing().to_owned())
        .exec_without_returning(db)
        .await?;
    Ok(())
}

/// Takes effects of this kind whose time has come, until `until`. Instances that do it together share them.
pub(crate) async fn take_effects(
    db: &Db,
    kind: Kind,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
    limit: u64,
) -> Result<Vec<effect::Model>> {
    use effect::Column;
    let due = || effect::Entity::find().filter(Column::Kind.eq(kind)).filter(Column::DueAt.lte(now));
    // as in `take_left_behind`
    if due().limit(1).one(db.read()).await?.is_none() {
        return Ok(Vec::new());
    }
    let orders = due().select_only().column(Column::OrderId).order_by_asc(Column::DueAt).limit(limit);
    let mut update = effect::Entity::update_many()
        .col_expr(Column::DueAt, Expr::value(until))
        .filter(Column::Kind.eq(kind))
        .filter(Column::OrderId.in_subquery(Query::select().column(Column::OrderId).from(TAKEN).to_owned()));
    QueryTrait::query(&mut update).with_cte(taken(Column::OrderId, orders));
    Ok(update.exec_with_returning(db.write()).await?)
}

pub(crate) async fn delete_effect(db: &impl ConnectionTrait, effect: &effect::Model) -> Result<()> {
    effect::Entity::delete_by_id((effect.order_id, effect.kind)).exec(db).await?;
    Ok(())
}

/// Puts an effect off: 1 s after the first failure, then twice as long each time, up to 5 minutes.
pub(crate) async fn put_off(db: &impl ConnectionTrait, effect: &effect::Model, now: DateTime<Utc>) -> Result<()> {
    let wait = TimeDelta::seconds(Ord::min(1 << effect.attempts.clamp(0, 9), 300));
    effect::Entity::update_many()
        .col_expr(effect::Column::Attempts, Expr::col(effect::Column::Attempts).add(1))
        .col_expr(effect::Column::DueAt, Expr::value(now + wait))
        .filter(effect::Column::OrderId.eq(effect.order_id))
        .filter(effect::Column::Kind.eq(effect.kind))
        .exec(db)
        .await?;
    Ok(())
}
