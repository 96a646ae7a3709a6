//! Carts in a database: a row per cart and a row per line. Every change is a transaction.

use super::{
    catalogue::Catalogue,
    pricing,
    stored::{Line, MAX_LINES, RENEWAL_INTERVAL, Shown, Stored, pieces},
};
use crate::{
    AddItem, Cart, CartError,
    config::Config,
    entity::{cart, item},
    ops,
};
use kernel::{
    BoxError, Ctx, Currency, Fault, Money, UserId,
    chrono::{DateTime, TimeDelta, Utc},
    db::{Db, Durability, Tx},
    idempotency::{self, Begun},
};
use migrations::cart::Migrator;
use product::{ProductId, VariantId};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, IntoActiveModel, QueryFilter, QueryOrder,
    sea_query::{CaseStatement, Expr, OnConflict, Query},
};

type Result<T, E = Fault> = std::result::Result<T, E>;

pub(super) async fn open(config: &Config) -> Result<Db, BoxError> {
    // NORMAL: losing the last changes of a cart is better than a wait for the disk on each change
    Ok(Db::open::<Migrator>("cart", &config.database_url, config.pool, Durability::Normal).await?)
}

pub(super) async fn load(db: &impl ConnectionTrait, user: UserId, now: DateTime<Utc>) -> Result<Option<Stored>> {
    // one statement, so that version and lines belong together
    let found = cart::Entity::find_by_id(user.0)
        .filter(cart::Column::ExpiresAt.gt(now))
        .find_with_related(item::Entity)
        .order_by_asc(item::Column::AddedAt)
        .order_by_asc(item::Column::VariantId)
        .all(db)
        .await?;
    let Some((cart, lines)) = found.into_iter().next() else { return Ok(None) };
    Ok(Some(Stored {
        version: cart.version,
        created_at: cart.created_at,
        updated_at: cart.updated_at,
        expires_at: cart.expires_at,
        lines: lines.into_iter().map(to_line).collect::<Result<_>>()?,
    }))
}

pub(super) async fn renewed(db: &Db, user: UserId, life: TimeDelta) -> Result<Option<Stored>> {
    let now = db.now();
    let Some(mut stored) = load(db.read(), user, now).await? else { return Ok(None) };
    let expires_at = now + life;
    if stored.expires_at < expires_at - RENEWAL_INTERVAL {
        extend(db.write(), user, expires_at, now).await?;
        stored.expires_at = expires_at;
    }
    Ok(Some(stored))
}

pub(super) async fn replayed(db: &Db, cx: &Ctx, item: &AddItem) -> Result<Option<Cart>> {
    if cx.idempotency_key().is_none() {
        return Ok(None);
    }
    match idempotency::begin(db, cx, ops::ADD, item).await? {
        Begun::Before(answer) => answer.map(Some),
        // the transaction is not committed and has no effect
        Begun::Now(..) => Ok(None),
    }
}

pub(super) async fn add(
    db: &Db,
    cx: &Ctx,
    user: UserId,
    item: &AddItem,
    catalogue: &Catalogue,
    life: TimeDelta,
) -> Result<Cart, CartError> {
    let product = catalogue.sold(item.variant())?;
    let (tx, held) = match idempotency::begin(db, cx, ops::ADD, item).await? {
        Begun::Before(answer) => return answer,
        Begun::Now(tx, held) => (tx, held),
    };
    let now = db.now();
    put(&*tx, user, &product.shown(item.variant()), pieces(item.quantity), product.stock, life, now).await?;
    let stored = after_change(&tx, user, catalogue, now).await?;
    pricing::must_be_payable(&stored, catalogue)?;
    let cart = pricing::cart(&stored, catalogue);
    held.finish(&tx, &cart).await?;
    tx.commit().await?;
    Ok(cart)
}

pub(super) async fn set(
    db: &Db,
    user: UserId,
    variant: VariantId,
    quantity: u32,
    catalogue: &Catalogue,
    life: TimeDelta,
) -> Result<Stored, CartError> {
    let tx = db.begin().await?;
    let now = db.now();
    begin_change(&*tx, user, life, now).await?;
    let before = lines(&*tx, user).await?;
    let is_more = before.iter().any(|line| line.variant_id == variant.0 && line.quantity < i64::from(quantity));
    let done = item::Entity::update_many()
        .col_expr(item::Column::Quantity, Expr::value(i64::from(quantity)))
        .col_expr(item::Column::UpdatedAt, Expr::value(now))
        .filter(item::Column::UserId.eq(user.0))
        .filter(item::Column::VariantId.eq(variant.0))
        .exec(&*tx)
        .await
        .map_err(Fault::from)?;
    if done.rows_affected == 0 {
        return Err(CartError::NotInCart);
    }
    let stored = after_change(&tx, user, catalogue, now).await?;
    if is_more {
        pricing::must_be_payable(&stored, catalogue)?;
    }
    tx.commit().await?;
    Ok(stored)
}

pub(super) async fn remove(db: &Db, user: UserId, variant: VariantId, life: TimeDelta) -> Result<Option<Stored>, CartError> {
    let tx = db.begin().await?;
    let now = db.now();
    begin_change(&*tx, user, life, now).await?;
    let gone = item::Entity::delete_by_id((user.0, variant.0)).exec(&*tx).await.map_err(Fault::from)?;
    if gone.rows_affected == 0 {
        return Err(CartError::NotInCart);
    }
    let left = load(&*tx, user, now).await?.filter(|cart| !cart.lines.is_empty());
    if left.is_none() {
        clear(&*tx, user).await?;
    }
    tx.commit().await?;
    Ok(left)
}

/// The cart after a change, in the transaction of the change. Its current names and prices are remembered as shown.
async fn after_change(tx: &Tx, user: UserId, catalogue: &Catalogue, now: DateTime<Utc>) -> Result<Stored, CartError> {
    let stored = load(&**tx, user, now).await?.ok_or(CartError::NotInCart)?;
    let changed = pricing::changed(&stored, catalogue);
    if !changed.is_empty() {
        remember_shown(&**tx, user, &changed).await?;
    }
    Ok(stored)
}

/// Adds pieces to the line of a product, and creates the line and the cart if there are none.
///
/// # Errors
/// `InsufficientStock` and `CartFull`; then the caller must roll back.
async fn put(
    tx: &impl ConnectionTrait,
    user: UserId,
    shown: &Shown<'_>,
    quantity: u32,
    stock: u32,
    life: TimeDelta,
    now: DateTime<Utc>,
) -> Result<(), CartError> {
    cart::Entity::delete_by_id(user.0).filter(cart::Column::ExpiresAt.lte(now)).exec(tx).await.map_err(Fault::from)?;
    // a time as the first version: a cart that is created again has a higher version than the one before it
    let new = cart::Model {
        user_id: user.0,
        version: now.timestamp_micros(),
        created_at: now,
        updated_at: now,
        expires_at: now + life,
    };
    let renew = OnConflict::column(cart::Column::UserId)
        .value(cart::Column::Version, Expr::col((cart::Entity, cart::Column::Version)).add(1))
        .update_columns([cart::Column::UpdatedAt, cart::Column::ExpiresAt])
        .to_owned();
    cart::Entity::insert(new.into_active_model()).on_conflict(renew).exec_without_returning(tx).await.map_err(Fault::from)?;

    let lines = lines(tx, user).await?;
    let line = lines.iter().find(|line| line.variant_id == shown.variant.0);
    let total = line.map_or(0, |line| line.quantity) + i64::from(quantity);
    if total > i64::from(stock) {
        return Err(CartError::InsufficientStock { requested: u32::try_from(total).unwrap_or(u32::MAX), available: stock });
    }
    if line.is_none() && lines.len() >= MAX_LINES {
        return Err(CartError::CartFull);
    }
    let row = item::Model {
        user_id: user.0,
        variant_id: shown.variant.0,
        product_id: shown.product.map(|id| id.0),
        quantity: total,
        product_name: shown.name.into(),
        unit_price_minor: shown.price.minor,
        currency: shown.price.currency.to_string(),
        added_at: now,
        updated_at: now,
    };
    let change = OnConflict::columns([item::Column::UserId, item::Column::VariantId])
        .update_columns([
            item::Column::Quantity,
            item::Column::ProductId,
            item::Column::ProductName,
            item::Column::UnitPriceMinor,
            item::Column::Currency,
            item::Column::UpdatedAt,
        ])
        .to_owned();
    item::Entity::insert(row.into_active_model()).on_conflict(change).exec_without_returning(tx).await.map_err(Fault::from)?;
    Ok(())
}

pub(super) async fn clear(db: &impl ConnectionTrait, user: UserId) -> Result<()> {
    cart::Entity::delete_by_id(user.0).exec(db).await?;
    Ok(())
}

pub(super) async fn clear_version(db: &impl ConnectionTrait, user: UserId, version: i64) -> Result<()> {
    cart::Entity::delete_by_id(user.0).filter(cart::Column::Version.eq(version)).exec(db).await?;
    Ok(())
}

/// Sets a later expiry.
async fn extend(db: &impl ConnectionTrait, user: UserId, expires_at: DateTime<Utc>, now: DateTime<Utc>) -> Result<()> {
    cart::Entity::update_many()
        .col_expr(cart::Column::ExpiresAt, Expr::value(expires_at))
        .filter(cart::Column::UserId.eq(user.0))
        .filter(cart::Column::ExpiresAt.gt(now))
        .exec(db)
        .await?;
    Ok(())
}

pub(super) async fn remember_shown(db: &impl ConnectionTrait, user: UserId, shown: &[Shown<'_>]) -> Result<()> {
    let by_variant = |value: &dyn Fn(&Shown<'_>) -> Expr, otherwise: item::Column| {
        let case = shown
            .iter()
            .fold(CaseStatement::new(), |case, shown| case.case(item::Column::VariantId.eq(shown.variant.0), value(shown)));
        Expr::expr(case.finally(Expr::col(otherwise)))
    };
    item::Entity::update_many()
        .col_expr(
            item::Column::ProductId,
            by_variant(&|shown| Expr::value(shown.product.map(|id| id.0)), item::Column::ProductId),
        )
        .col_expr(item::Column::ProductName, by_variant(&|shown| Expr::value(shown.name), item::Column::ProductName))
        .col_expr(item::Column::UnitPriceMinor, by_variant(&|shown| Expr::value(shown.price.minor), item::Column::UnitPriceMinor))
        .col_expr(
            item::Column::Currency,
            by_variant(&|shown| Expr::value(shown.price.currency.to_string()), item::Column::Currency),
        )
        .filter(item::Column::UserId.eq(user.0))
        .filter(item::Column::VariantId.is_in(shown.iter().map(|shown| shown.variant.0)))
        .exec(db)
        .await?;
    Ok(())
}

pub(super) async fn sweep(db: &Db, limit: u64) -> Result<u64> {
    let expired = Query::select()
        .column(cart::Column::UserId)
        .from(cart::Entity)
        .and_where(cart::Column::ExpiresAt.lte(db.now()))
        .limit(limit)
        .to_owned();
    let gone = cart::Entity::delete_many().filter(cart::Column::UserId.in_subquery(expired)).exec(db.write()).await?;
    Ok(gone.rows_affected)
}

/// Gives the cart a new version and expiry before a change, and locks it for the rest of the transaction.
async fn begin_change(tx: &impl ConnectionTrait, user: UserId, life: TimeDelta, now: DateTime<Utc>) -> Result<(), CartError> {
    let done = cart::Entity::update_many()
        .col_expr(cart::Column::Version, Expr::col(cart::Column::Version).add(1))
        .col_expr(cart::Column::UpdatedAt, Expr::value(now))
        .col_expr(cart::Column::ExpiresAt, Expr::value(now + life))
        .filter(cart::Column::UserId.eq(user.0))
        .filter(cart::Column::ExpiresAt.gt(now))
        .exec(tx)
        .await
        .map_err(Fault::from)?;
    if done.rows_affected == 1 { Ok(()) } else { Err(CartError::NotInCart) }
}

async fn lines(tx: &impl ConnectionTrait, user: UserId) -> Result<Vec<item::Model>> {
    Ok(item::Entity::find().filter(item::Column::UserId.eq(user.0)).all(tx).await?)
}

fn to_line(row: item::Model) -> Result<Line> {
    let broken =
        |why: &dyn std::fmt::Display| Fault::internal(format_args!("line {} of cart {}: {why}", row.variant_id, row.user_id));
    let currency: Currency = row.currency.parse().map_err(|e| broken(&e))?;
    Ok(Line {
        variant: VariantId(row.variant_id),
        product: row.product_id.map(ProductId),
        quantity: u32::try_from(row.quantity).map_err(|e| broken(&e))?,
        name: row.product_name,
        price: Money { minor: row.unit_price_minor, currency },
        added_at: row.added_at,
        updated_at: row.updated_at,
    })
}
