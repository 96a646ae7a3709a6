//! Every query of the module, and nothing but queries. Each change of a state names the state before it in its condition.

pub(crate) mod checks;

use crate::{
    OrderStatus,
    entity::{
        effect::{self, Kind},
        line,
        order::{self, Column, State},
        timeline,
    },
};
use kernel::{
    Fault, Money, OrderId, Page, UserId,
    chrono::{DateTime, TimeDelta, Utc},
    db::Db,
    now,
};
use payment::PaymentId;
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::NotSet,
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, ExprTrait, IntoActiveModel, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait, Select, Set,
    sea_query::{CommonTableExpression, Expr, IntoIden, LockBehavior, LockType, OnConflict, Query},
};

type Result<T> = std::result::Result<T, Fault>;

/// An order whose request has just begun to place it.
pub(crate) struct NewOrder {
    pub(crate) user: UserId,
    /// The shipping address as JSON.
    pub(crate) shipping_address: String,
    /// Idempotency key of the request, if it has one.
    pub(crate) key: Option<String>,
    pub(crate) placed_at: DateTime<Utc>,
    pub(crate) expires_at: DateTime<Utc>,
    pub(crate) lease_until: DateTime<Utc>,
}

/// Inserts an order in state `placing`.
pub(crate) async fn insert(db: &impl ConnectionTrait, new: NewOrder) -> Result<order::Model> {
    let row = order::ActiveModel {
        user_id: Set(new.user.0),
        state: Set(State::Placing),
        currency: Set(String::new()),
        total_minor: Set(0),
        shipping_address: Set(new.shipping_address),
        cart_version: Set(0),
        attempt: Set(0),
        payment_key: Set(new.key),
        placed_at: Set(new.placed_at),
        updated_at: Set(new.placed_at),
        expires_at: Set(new.expires_at),
        lease_until: Set(new.lease_until),
        ..Default::default()
    };
    Ok(row.insert(db).await?)
}

pub(crate) async fn order(db: &impl ConnectionTrait, id: OrderId) -> Result<Option<order::Model>> {
    Ok(order::Entity::find_by_id(id.0).one(db).await?)
}

/// The orders with these ids; ids without an order are skipped.
pub(crate) async fn orders(db: &impl ConnectionTrait, ids: &[i64]) -> Result<Vec<order::Model>> {
    Ok(order::Entity::find().filter(Column::Id.is_in(ids.iter().copied())).all(db).await?)
}

pub(crate) async fn order_of_payment(db: &impl ConnectionTrait, id: PaymentId) -> Result<Option<order::Model>> {
    Ok(order::Entity::find().filter(Column::PaymentId.eq(id.0)).one(db).await?)
}

/// Moves an order to another state; `None` when it is not in the state `from`.
pub(crate) async fn advance(db: &impl ConnectionTrait, id: i64, from: State, to: State) -> Result<Option<order::Model>> {
    advance_with(db, id, from, to, Default::default()).await
}

/// As [`advance`], and sets the values of `change`.
async fn advance_with(
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

/// Moves an order from `placing` to `pending`; `None` when it is not in `placing`.
pub(crate) async fn place(db: &impl ConnectionTrait, id: i64, total: Money, cart_version: i64) -> Result<Option<order::Model>> {
    let change = order::ActiveModel {
        currency: Set(total.currency.to_string()),
        total_minor: Set(total.minor),
        cart_version: Set(cart_version),
        payment_key: Set(None),
        ..Default::default()
    };
    advance_with(db, id, State::Placing, State::Pending, change).await
}

/// An attempt of a client to pay an order.
pub(crate) struct Attempt {
    pub(crate) number: i32,
    pub(crate) payment_method: String,
    /// Idempotency key of the request, if it has one.
    pub(crate) key: Option<String>,
}

/// Moves an order to `charging`, or takes it over there from a request that is gone; `None` when another request came first.
/// Without an attempt, the last one is continued.
pub(crate) async fn charge(
    db: &impl ConnectionTrait,
    found: &order::Model,
    attempt: Option<Attempt>,
    lease_until: DateTime<Utc>,
) -> Result<Option<order::Model>> {
    let mut change = order::ActiveModel { lease_until: Set(lease_until), ..Default::default() };
    if let Some(attempt) = attempt {
        change.attempt = Set(attempt.number);
        change.payment_method = Set(Some(attempt.payment_method));
        change.payment_key = Set(attempt.key);
    }
    if found.state != State::Charging {
        return advance_with(db, found.id, found.state, State::Charging, change).await;
    }
    change.updated_at = Set(now());
    let changed = order::Entity::update_many().set(change).filter(is_held(found)).exec_with_returning(db).await?;
    Ok(changed.into_iter().next())
}

/// Moves an order from `charging` to `paid`; `None` when it is not in `charging`.
pub(crate) async fn set_paid(db: &impl ConnectionTrait, id: i64, payment: PaymentId) -> Result<Option<order::Model>> {
    let change = order::ActiveModel { payment_id: Set(Some(payment.0)), ..Default::default() };
    advance_with(db, id, State::Charging, State::Paid, change).await
}

/// A charge that took no money.
#[derive(Default)]
pub(crate) struct NotCharged {
    /// The payment, if it can still be confirmed.
    pub(crate) payment: Option<PaymentId>,
    /// Whether the payment method is removed from the order.
    pub(crate) forget_method: bool,
}

/// Moves an order from `charging` back to `pending`; `None` when it is not in `charging`.
pub(crate) async fn set_not_charged(db: &impl ConnectionTrait, id: i64, end: NotCharged) -> Result<Option<order::Model>> {
    let change = order::ActiveModel {
        payment_id: end.payment.map_or(NotSet, |payment| Set(Some(payment.0))),
        payment_method: if end.forget_method { Set(None) } else { NotSet },
        ..Default::default()
    };
    advance_with(db, id, State::Charging, State::Pending, change).await
}

/// Ends the lease of a `charging` order whose outcome is unknown at `at`: from then on any request or job may repeat the attempt.
pub(crate) async fn end_lease(db: &impl ConnectionTrait, held: &order::Model, at: DateTime<Utc>) -> Result<()> {
    order::Entity::update_many().col_expr(Column::LeaseUntil, Expr::value(at)).filter(is_held(held)).exec(db).await?;
    Ok(())
}

/// Whether the order has not been taken over since it was read.
fn is_held(found: &order::Model) -> Condition {
    Condition::all().add(Column::Id.eq(found.id)).add(Column::State.eq(found.state)).add(Column::LeaseUntil.eq(found.lease_until))
}

/// Deletes an order that was never placed; `false` when it is not in `placing`.
pub(crate) async fn delete_placing(db: &impl ConnectionTrait, id: i64) -> Result<bool> {
    let delete = order::Entity::delete_many().filter(Column::Id.eq(id)).filter(Column::State.eq(State::Placing));
    Ok(delete.exec(db).await?.rows_affected == 1)
}

/// Claims orders in this intermediate state whose lease has run out, until `until`. Concurrent instances claim different orders.
pub(crate) async fn claim_stale(
    db: &Db,
    state: State,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
    limit: u64,
) -> Result<Vec<order::Model>> {
    let stale = || order::Entity::find().filter(Column::State.eq(state)).filter(Column::LeaseUntil.lte(now));
    // most runs find nothing, and on SQLite they must not wait for the only connection that writes
    if stale().limit(1).one(db.read()).await?.is_none() {
        return Ok(Vec::new());
    }
    let ids = stale().select_only().column(Column::Id).order_by_asc(Column::LeaseUntil).limit(limit);
    let mut update = order::Entity::update_many()
        .col_expr(Column::LeaseUntil, Expr::value(until))
        .filter(Column::Id.in_subquery(Query::select().column(Column::Id).from(CLAIMED).to_owned()));
    QueryTrait::query(&mut update).with_cte(claimed(Column::Id, ids));
    Ok(update.exec_with_returning(db.write()).await?)
}

/// The name of the table expression [`claimed`].
const CLAIMED: &str = "claimed";

/// The rows that an `UPDATE` claims: these, locked, except rows that another instance has locked. Materialised, because PostgreSQL
/// may run a subquery once for each row, and find more rows each time.
fn claimed<E: EntityTrait>(id: impl IntoIden, rows: Select<E>) -> CommonTableExpression {
    let rows = rows.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked).into_query();
    CommonTableExpression::new().table_name(CLAIMED).column(id).query(rows).materialized(true).to_owned()
}

/// Ids of `pending` orders that are past their time to pay, ascending, from the first above `after`.
pub(crate) async fn unpaid(db: &impl ConnectionTrait, now: DateTime<Utc>, after: i64, limit: u64) -> Result<Vec<i64>> {
    let due = order::Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::State.eq(State::Pending))
        .filter(Column::ExpiresAt.lte(now))
        .filter(Column::Id.gt(after));
    Ok(due.order_by_asc(Column::Id).limit(limit).into_tuple().all(db).await?)
}

/// Moves these orders to `expired` and returns them. Orders that are no longer `pending`, or locked by another instance, are skipped.
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

/// Adds an entry to the timeline of each of these orders; returns the entries.
pub(crate) async fn add_to_timelines(
    db: &impl ConnectionTrait,
    orders: &[i64],
    state: State,
    note: &str,
) -> Result<Vec<timeline::Model>> {
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

/// The lines and timelines of some orders.
pub(crate) struct Details {
    pub(crate) lines: Vec<line::Model>,
    pub(crate) timelines: Vec<timeline::Model>,
}

/// Reads the details of these orders, with two queries for any number of orders.
pub(crate) async fn details(db: &impl ConnectionTrait, orders: &[i64]) -> Result<Details> {
    if orders.is_empty() {
        return Ok(Details { lines: Vec::new(), timelines: Vec::new() });
    }
    let (lines, timelines) = tokio::try_join!(lines(db, orders), timelines(db, orders))?;
    Ok(Details { lines, timelines })
}

/// Which placed orders are listed.
pub(crate) struct Filter {
    pub(crate) user: Option<UserId>,
    pub(crate) status: Option<OrderStatus>,
}

impl Filter {
    fn condition(&self) -> Condition {
        Condition::all()
            .add(Column::State.ne(State::Placing))
            .add_option(self.user.map(|id| Column::UserId.eq(id.0)))
            .add_option(self.status.map(|status| Column::State.is_in(State::shown_as(status))))
    }
}

pub(crate) async fn page(db: &impl ConnectionTrait, filter: &Filter, page: &Page) -> Result<Vec<order::Model>> {
    let find = order::Entity::find().filter(filter.condition()).order_by_desc(Column::Id);
    Ok(find.offset(page.offset()).limit(u64::from(page.per_page())).all(db).await?)
}

pub(crate) async fn count(db: &impl ConnectionTrait, filter: &Filter) -> Result<u64> {
    Ok(order::Entity::find().filter(filter.condition()).count(db).await?)
}

/// Adds an effect to each of these orders; the job runs it from `due_at` on.
pub(crate) async fn add_effect(db: &impl ConnectionTrait, orders: &[i64], kind: Kind, due_at: DateTime<Utc>) -> Result<()> {
    let row = |id: &i64| effect::Model { order_id: *id, kind, attempts: 0, due_at }.into_active_model();
    effect::Entity::insert_many(orders.iter().map(row))
        .on_conflict(OnConflict::columns([effect::Column::OrderId, effect::Column::Kind]).do_nothing().to_owned())
        .exec_without_returning(db)
        .await?;
    Ok(())
}

/// Claims due effects of this kind until `until`. Concurrent instances claim different effects.
pub(crate) async fn claim_effects(
    db: &Db,
    kind: Kind,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
    limit: u64,
) -> Result<Vec<effect::Model>> {
    use effect::Column;
    let due = || effect::Entity::find().filter(Column::Kind.eq(kind)).filter(Column::DueAt.lte(now));
    // as in `claim_stale`
    if due().limit(1).one(db.read()).await?.is_none() {
        return Ok(Vec::new());
    }
    let orders = due().select_only().column(Column::OrderId).order_by_asc(Column::DueAt).limit(limit);
    let mut update = effect::Entity::update_many()
        .col_expr(Column::DueAt, Expr::value(until))
        .filter(Column::Kind.eq(kind))
        .filter(Column::OrderId.in_subquery(Query::select().column(Column::OrderId).from(CLAIMED).to_owned()));
    QueryTrait::query(&mut update).with_cte(claimed(Column::OrderId, orders));
    Ok(update.exec_with_returning(db.write()).await?)
}

pub(crate) async fn delete_effect(db: &impl ConnectionTrait, effect: &effect::Model) -> Result<()> {
    effect::Entity::delete_by_id((effect.order_id, effect.kind)).exec(db).await?;
    Ok(())
}

/// Schedules the next try of an effect: 1 s after the first failure, then twice as long each time, up to 5 minutes.
pub(crate) async fn retry_later(db: &impl ConnectionTrait, effect: &effect::Model, now: DateTime<Utc>) -> Result<()> {
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
