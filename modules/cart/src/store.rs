//! Everything that is stored, and nothing else. Each function is one change or one look, so that another store can take the place
//! of this one: a check and the change that depends on it are never two functions.

use crate::{
    CartError,
    entity::{cart, item},
};
use kernel::{
    Fault, Money, UserId,
    chrono::{DateTime, TimeDelta, Utc},
    now,
};
use product::ProductId;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, IntoActiveModel, QueryFilter, QueryOrder,
    sea_query::{CaseStatement, Expr, OnConflict, Query},
};

type Result<T, E = Fault> = std::result::Result<T, E>;

/// The most lines of a cart: as many as products can be asked for at once.
pub(crate) const MAX_LINES: usize = product::Ids::MAX;

/// A cart with lines, in the order in which they were added.
pub(crate) struct Stored {
    pub(crate) cart: cart::Model,
    pub(crate) lines: Vec<item::Model>,
}

/// A product as its user sees it now.
pub(crate) struct Seen<'a> {
    pub(crate) product: ProductId,
    pub(crate) name: &'a str,
    pub(crate) price: Money,
}

/// The cart; none when it is empty or expired.
pub(crate) async fn load(db: &impl ConnectionTrait, user: UserId) -> Result<Option<Stored>> {
    // one statement, so that version and lines belong together
    let found = cart::Entity::find_by_id(user.0)
        .filter(cart::Column::ExpiresAt.gt(now()))
        .find_with_related(item::Entity)
        .order_by_asc(item::Column::AddedAt)
        .order_by_asc(item::Column::ProductId)
        .all(db)
        .await?;
    Ok(found.into_iter().next().map(|(cart, lines)| Stored { cart, lines }))
}

/// Adds pieces to the line of a product; the line and the cart are made if need be.
///
/// # Errors
/// `InsufficientStock` and `CartFull`; then the caller must roll back.
pub(crate) async fn add(
    tx: &impl ConnectionTrait,
    user: UserId,
    seen: &Seen<'_>,
    quantity: u32,
    stock: u32,
    life: TimeDelta,
) -> Result<(), CartError> {
    let now = now();
    cart::Entity::delete_by_id(user.0).filter(cart::Column::ExpiresAt.lte(now)).exec(tx).await.map_err(Fault::from)?;
    // a cart that is made again goes on with a higher version than the one before it, without remembering that one
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
    let line = lines.iter().find(|line| line.product_id == seen.product.0);
    let total = line.map_or(0, |line| line.quantity) + i64::from(quantity);
    if total > i64::from(stock) {
        return Err(CartError::InsufficientStock { requested: u32::try_from(total).unwrap_or(u32::MAX), available: stock });
    }
    if line.is_none() && lines.len() >= MAX_LINES {
        return Err(CartError::CartFull);
    }
    let row = item::Model {
        user_id: user.0,
        product_id: seen.product.0,
        quantity: total,
        product_name: seen.name.into(),
        unit_price_minor: seen.price.minor,
        currency: seen.price.currency.to_string(),
        added_at: now,
        updated_at: now,
    };
    let change = OnConflict::columns([item::Column::UserId, item::Column::ProductId])
        .update_columns([
            item::Column::Quantity,
            item::Column::ProductName,
            item::Column::UnitPriceMinor,
            item::Column::Currency,
            item::Column::UpdatedAt,
        ])
        .to_owned();
    item::Entity::insert(row.into_active_model()).on_conflict(change).exec_without_returning(tx).await.map_err(Fault::from)?;
    Ok(())
}

/// Sets the quantity of a line.
///
/// # Errors
/// `NotInCart`; then the caller must roll back.
pub(crate) async fn set(
    tx: &impl ConnectionTrait,
    user: UserId,
    product: ProductId,
    quantity: u32,
    life: TimeDelta,
) -> Result<(), CartError> {
    renew(tx, user, life).await?;
    let done = item::Entity::update_many()
        .col_expr(item::Column::Quantity, Expr::value(i64::from(quantity)))
        .col_expr(item::Column::UpdatedAt, Expr::value(now()))
        .filter(item::Column::UserId.eq(user.0))
        .filter(item::Column::ProductId.eq(product.0))
        .exec(tx)
        .await
        .map_err(Fault::from)?;
    if done.rows_affected == 1 { Ok(()) } else { Err(CartError::NotInCart) }
}

/// Removes a line, and the cart with its last one.
///
/// # Errors
/// `NotInCart`; then the caller must roll back.
pub(crate) async fn remove(
    tx: &impl ConnectionTrait,
    user: UserId,
    product: ProductId,
    life: TimeDelta,
) -> Result<(), CartError> {
    renew(tx, user, life).await?;
    let gone = item::Entity::delete_by_id((user.0, product.0)).exec(tx).await.map_err(Fault::from)?;
    if gone.rows_affected == 0 {
        return Err(CartError::NotInCart);
    }
    if lines(tx, user).await?.is_empty() {
        clear(tx, user).await?;
    }
    Ok(())
}

/// Removes the cart. Its lines go with it.
pub(crate) async fn clear(db: &impl ConnectionTrait, user: UserId) -> Result<()> {
    cart::Entity::delete_by_id(user.0).exec(db).await?;
    Ok(())
}

/// Removes the cart if it still has this version.
pub(crate) async fn clear_version(db: &impl ConnectionTrait, user: UserId, version: i64) -> Result<()> {
    cart::Entity::delete_by_id(user.0).filter(cart::Column::Version.eq(version)).exec(db).await?;
    Ok(())
}

/// Gives the cart a longer life.
pub(crate) async fn touch(db: &impl ConnectionTrait, user: UserId, expires_at: DateTime<Utc>) -> Result<()> {
    cart::Entity::update_many()
        .col_expr(cart::Column::ExpiresAt, Expr::value(expires_at))
        .filter(cart::Column::UserId.eq(user.0))
        .filter(cart::Column::ExpiresAt.gt(now()))
        .exec(db)
        .await?;
    Ok(())
}

/// Notes the names and prices that the user was shown, in one write whatever their number.
pub(crate) async fn see(db: &impl ConnectionTrait, user: UserId, seen: &[Seen<'_>]) -> Result<()> {
    if seen.is_empty() {
        return Ok(());
    }
    let by_product = |value: &dyn Fn(&Seen<'_>) -> Expr, otherwise: item::Column| {
        let case = seen
            .iter()
            .fold(CaseStatement::new(), |case, seen| case.case(item::Column::ProductId.eq(seen.product.0), value(seen)));
        Expr::expr(case.finally(Expr::col(otherwise)))
    };
    item::Entity::update_many()
        .col_expr(item::Column::ProductName, by_product(&|seen| Expr::value(seen.name), item::Column::ProductName))
        .col_expr(item::Column::UnitPriceMinor, by_product(&|seen| Expr::value(seen.price.minor), item::Column::UnitPriceMinor))
        .col_expr(
            item::Column::Currency,
            by_product(&|seen| Expr::value(seen.price.currency.to_string()), item::Column::Currency),
        )
        .filter(item::Column::UserId.eq(user.0))
        .filter(item::Column::ProductId.is_in(seen.iter().map(|seen| seen.product.0)))
        .exec(db)
        .await?;
    Ok(())
}

/// Removes up to `limit` expired carts; returns how many.
pub(crate) async fn sweep(db: &impl ConnectionTrait, limit: u64) -> Result<u64> {
    let expired = Query::select()
        .column(cart::Column::UserId)
        .from(cart::Entity)
        .and_where(cart::Column::ExpiresAt.lte(now()))
        .limit(limit)
        .to_owned();
    let gone = cart::Entity::delete_many().filter(cart::Column::UserId.in_subquery(expired)).exec(db).await?;
    Ok(gone.rows_affected)
}

/// A cart that is about to be changed: another version, a new life. Locks it for the rest of the transaction.
async fn renew(tx: &impl ConnectionTrait, user: UserId, life: TimeDelta) -> Result<(), CartError> {
    let now = now();
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
