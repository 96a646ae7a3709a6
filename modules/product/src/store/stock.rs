//! Queries of stock: items, and the ledger of their movements.
//!
//! Every change locks the products of its items first, in the order of their ids, then the items, and appends a movement for each. The
//! stock of a product is the sum of its variants that are sold. (SQLite has one writer and ignores the locks.)

use super::{
    changes::if_changed,
    sight::Sight,
    variants::{insert_from, sku_begins_with},
};
use crate::{
    HoldLine, ListMovements, ListStock, ProductId, Stock, StockPatch, VariantId,
    entity::{
        hold_line, product,
        stock_item::{self, Column, LOCATION},
        stock_movement::{self, Kind},
        variant,
    },
};
use kernel::{
    Fault, IfMatch, OrderId, Page, UserId,
    chrono::{DateTime, Utc},
    db::{Keyset, Rows},
    now,
};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::NotSet,
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, ExprTrait, JoinType, Order, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait, RelationTrait, Select, Set,
    sea_query::{CaseStatement, Expr, Query, SelectStatement},
};
use std::collections::HashMap;

type Result<T> = std::result::Result<T, Fault>;

/// The stock of a variant, which may have been removed: orders may give pieces back to it.
pub(crate) async fn item(db: &impl ConnectionTrait, id: VariantId) -> Result<Option<stock_item::Model>> {
    Ok(stock_item::Entity::find_by_id((id.0, LOCATION)).one(db).await?)
}

/// Changes what is known of an item beside its pieces, and counts the change if it is one; `None` when there is no such item, or it has
/// another version.
pub(crate) async fn edit(
    db: &impl ConnectionTrait,
    id: VariantId,
    if_match: &IfMatch,
    patch: StockPatch,
) -> Result<Option<stock_item::Model>> {
    let row = stock_item::ActiveModel { low_at: patch.low_at.map_or(NotSet, Set), ..Default::default() };
    let version = if_changed(&row, Expr::col(Column::Version).add(1), Column::Version);
    let updated_at = if_changed(&row, Expr::value(now()), Column::UpdatedAt);
    let edited = stock_item::Entity::update_many()
        .set(row)
        .col_expr(Column::Version, version)
        .col_expr(Column::UpdatedAt, updated_at)
        .filter(Column::VariantId.eq(id.0))
        .filter(Column::LocationId.eq(LOCATION))
        .filter(Condition::all().add_option(if_match.versions::<Stock>(id).map(|seen| Column::Version.is_in(seen))))
        .exec_with_returning(db)
        .await?;
    Ok(edited.into_iter().next())
}

/// Takes the pieces of lines, which are sorted by product, from what can be sold of their products, and adds them to what is
/// reserved. Returns how many products are seen and have enough; if not all, the caller must roll back. Locks the products.
pub(crate) async fn reserve_of_products(db: &impl ConnectionTrait, sight: Sight, lines: &[HoldLine]) -> Result<u64> {
    use product::Column;
    let quantity = || {
        let case = lines.chunk_by(|a, b| a.product_id == b.product_id).fold(CaseStatement::new(), |case, lines| {
            let sum: i64 = lines.iter().map(|line| i64::from(line.quantity)).sum();
            case.case(Column::Id.eq(lines[0].product_id.0), sum)
        });
        Expr::expr(case.finally(0))
    };
    let ids = lines.iter().map(|line| line.product_id.0);
    let locked = product::Entity::find().select_only().column(Column::Id).filter(Column::Id.is_in(ids));
    let locked = locked.filter(sight.condition()).order_by_asc(Column::Id).lock_exclusive().into_query();
    let done = product::Entity::update_many()
        .col_expr(Column::StockQuantity, Expr::col(Column::StockQuantity).sub(quantity()))
        .col_expr(Column::Reserved, Expr::col(Column::Reserved).add(quantity()))
        .col_expr(Column::UpdatedAt, Expr::value(now()))
        .filter(Column::Id.in_subquery(locked))
        .filter(Expr::col(Column::StockQuantity).gte(quantity()))
        .exec(db)
        .await?;
    Ok(done.rows_affected)
}

/// Moves the pieces of lines from what can be sold of their variants to what is held. Returns the items that had enough, as they are
/// then; if not all, the caller must roll back. Their products must be locked.
pub(crate) async fn reserve(db: &impl ConnectionTrait, lines: &[HoldLine]) -> Result<Vec<stock_item::Model>> {
    let quantity = || {
        let case = lines
            .iter()
            .fold(CaseStatement::new(), |case, line| case.case(Column::VariantId.eq(line.variant().0), i64::from(line.quantity)));
        Expr::expr(case.finally(0))
    };
    let reserved = stock_item::Entity::update_many()
        .col_expr(Column::Available, Expr::col(Column::Available).sub(quantity()))
        .col_expr(Column::Held, Expr::col(Column::Held).add(quantity()))
        .col_expr(Column::Version, Expr::col(Column::Version).add(1))
        .col_expr(Column::UpdatedAt, Expr::value(now()))
        .filter(Column::VariantId.is_in(lines.iter().map(|line| line.variant().0)))
        .filter(Column::LocationId.eq(LOCATION))
        .filter(Expr::col(Column::Available).gte(quantity()))
        .exec_with_returning(db)
        .await?;
    Ok(reserved)
}

/// A movement of the stock that orders hold.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Movement {
    /// From the hold back into the shop.
    Free,
    /// From the hold to the customer.
    Sell,
    /// From the customer back into the shop.
    Return,
}

/// Moves the stock of all lines of these orders, and appends the movements.
pub(crate) async fn move_held(db: &impl ConnectionTrait, orders: &[OrderId], movement: Movement) -> Result<()> {
    move_of_products(db, orders, movement).await?;
    let quantity = || {
        let mut sum = lines_of(orders);
        sum.expr(Expr::col((hold_line::Entity, hold_line::Column::Quantity)).sum().cast_as("BIGINT"));
        sum.and_where(
            Expr::col((hold_line::Entity, hold_line::Column::VariantId)).equals((stock_item::Entity, Column::VariantId)),
        );
        Expr::SubQuery(None, Box::new(sum.into()))
    };
    let mut held = lines_of(orders);
    held.column(hold_line::Column::VariantId);
    let mut update = stock_item::Entity::update_many()
        .col_expr(Column::Version, Expr::col(Column::Version).add(1))
        .col_expr(Column::UpdatedAt, Expr::value(now()))
        .filter(Column::VariantId.in_subquery(held))
        .filter(Column::LocationId.eq(LOCATION));
    if movement != Movement::Sell {
        update = update.col_expr(Column::Available, Expr::col(Column::Available).add(quantity()));
    }
    if movement != Movement::Return {
        update = update.col_expr(Column::Held, Expr::col(Column::Held).sub(quantity()));
    }
    update.exec(db).await?;
    let (kind, available, held) = match movement {
        Movement::Free => (Kind::Released, 1, -1),
        Movement::Sell => (Kind::Sold, 0, -1),
        Movement::Return => (Kind::Returned, 1, 0),
    };
    append_of_orders(db, orders, kind, available, held).await
}

/// Appends that an order holds the pieces of its lines.
pub(crate) async fn append_held(db: &impl ConnectionTrait, order: OrderId) -> Result<()> {
    append_of_orders(db, &[order], Kind::Held, -1, 1).await
}

/// The lines of the holds of orders.
fn lines_of(orders: &[OrderId]) -> SelectStatement {
    let orders = orders.iter().map(|id| id.0);
    Query::select().from(hold_line::Entity).and_where(hold_line::Column::OrderId.is_in(orders)).to_owned()
}

/// Moves the stock of the products, as [`move_held`] that of their variants. Locks the products.
async fn move_of_products(db: &impl ConnectionTrait, orders: &[OrderId], movement: Movement) -> Result<()> {
    use product::Column;
    let variant = |column| Expr::col((variant::Entity, column));
    let of_variant = || variant(variant::Column::Id).equals((hold_line::Entity, hold_line::Column::VariantId));
    let quantity = |sold_only: bool| {
        let mut sum = lines_of(orders);
        let pieces = Expr::col((hold_line::Entity, hold_line::Column::Quantity)).sum().cast_as("BIGINT");
        sum.expr(pieces.if_null(0)).inner_join(variant::Entity, of_variant());
        sum.and_where(variant(variant::Column::ProductId).equals((product::Entity, Column::Id)));
        if sold_only {
            // pieces of a variant that was deleted cannot be sold
            let deleted = Expr::col((product::Entity, Column::DeletedAt)).is_not_null();
            sum.and_where(variant(variant::Column::DeletedAt).is_null().or(deleted));
        }
        Expr::SubQuery(None, Box::new(sum.into()))
    };
    let mut held = lines_of(orders);
    held.column((variant::Entity, variant::Column::ProductId)).inner_join(variant::Entity, of_variant());
    let locked = Query::select()
        .column(Column::Id)
        .from(product::Entity)
        .and_where(Expr::col(Column::Id).in_subquery(held))
        .order_by(Column::Id, Order::Asc)
        .lock_exclusive()
        .to_owned();
    let mut update =
        product::Entity::update_many().col_expr(Column::UpdatedAt, Expr::value(now())).filter(Column::Id.in_subquery(locked));
    if movement != Movement::Sell {
        update = update.col_expr(Column::StockQuantity, Expr::col(Column::StockQuantity).add(quantity(true)));
    }
    if movement != Movement::Return {
        update = update.col_expr(Column::Reserved, Expr::col(Column::Reserved).sub(quantity(false)));
    }
    update.exec(db).await?;
    Ok(())
}

/// Appends a movement for each line of the holds of orders; the changes are the quantity times `available` and `held`.
async fn append_of_orders(db: &impl ConnectionTrait, orders: &[OrderId], kind: Kind, available: i64, held: i64) -> Result<()> {
    let times = |factor: i64| Expr::col(hold_line::Column::Quantity).mul(factor);
    let mut select = lines_of(orders);
    select
        .column(hold_line::Column::VariantId)
        .expr(Expr::value(LOCATION))
        .expr(Expr::value(kind))
        .expr(times(available))
        .expr(times(held))
        .column(hold_line::Column::OrderId)
        .expr(Expr::value(None::<i64>))
        .expr(Expr::value(""))
        .expr(Expr::value(now()));
    append(db, select).await
}

/// Appends the movements that `select` finds, with the columns in this order.
async fn append(db: &impl ConnectionTrait, select: SelectStatement) -> Result<()> {
    use stock_movement::Column;
    let columns = [
        Column::VariantId,
        Column::LocationId,
        Column::Kind,
        Column::AvailableChange,
        Column::HeldChange,
        Column::OrderId,
        Column::UserId,
        Column::Note,
        Column::At,
    ];
    insert_from(db, Query::insert().into_table(stock_movement::Entity).columns(columns).to_owned(), select).await
}

/// A change of what can be sold of a variant.
pub(crate) struct Change {
    pub(crate) product: ProductId,
    pub(crate) variant: VariantId,
    /// Pieces that come; with a minus, that go.
    pub(crate) pieces: i64,
    pub(crate) kind: Kind,
    pub(crate) user: Option<UserId>,
    pub(crate) note: String,
}

/// Changes what can be sold of a variant, and appends the movement. Returns the item as it is then, and the movement. The product must
/// be locked, and the item have enough.
pub(crate) async fn change(db: &impl ConnectionTrait, change: Change) -> Result<(stock_item::Model, stock_movement::Model)> {
    let at = now();
    let changed = stock_item::Entity::update_many()
        .col_expr(Column::Available, Expr::col(Column::Available).add(change.pieces))
        .col_expr(Column::Version, Expr::col(Column::Version).add(1))
        .col_expr(Column::UpdatedAt, Expr::value(at))
        .filter(Column::VariantId.eq(change.variant.0))
        .filter(Column::LocationId.eq(LOCATION))
        .exec_with_returning(db)
        .await?;
    let item = changed.into_iter().next().ok_or_else(|| Fault::internal("an item of stock vanished"))?;
    add_up(db, change.product).await?;
    Ok((item, movement(change.variant.0, change.kind, change.pieces, change.user, change.note, at).insert(db).await?))
}

/// A movement that no order makes.
pub(super) fn movement(
    variant: i64,
    kind: Kind,
    pieces: i64,
    user: Option<UserId>,
    note: String,
    at: DateTime<Utc>,
) -> stock_movement::ActiveModel {
    stock_movement::ActiveModel {
        variant_id: Set(variant),
        location_id: Set(LOCATION),
        kind: Set(kind),
        available_change: Set(pieces),
        held_change: Set(0),
        order_id: Set(None),
        user_id: Set(user.map(|user| user.0)),
        note: Set(note),
        at: Set(at),
        ..Default::default()
    }
}

/// Inserts the items of new variants with their pieces, and appends that these were received.
pub(crate) async fn insert_items(db: &impl ConnectionTrait, variants: &[(VariantId, i64)], user: Option<UserId>) -> Result<()> {
    if variants.is_empty() {
        return Ok(());
    }
    let at = now();
    let item = |(id, pieces): &(VariantId, i64)| stock_item::ActiveModel {
        variant_id: Set(id.0),
        location_id: Set(LOCATION),
        available: Set(*pieces),
        held: Set(0),
        version: Set(1),
        updated_at: Set(at),
        low_at: Set(None),
    };
    stock_item::Entity::insert_many(variants.iter().map(item)).exec_without_returning(db).await?;
    let received = variants.iter().filter(|(_, pieces)| *pieces > 0);
    let received: Vec<_> =
        received.map(|(id, pieces)| movement(id.0, Kind::Received, *pieces, user, String::new(), at)).collect();
    if !received.is_empty() {
        stock_movement::Entity::insert_many(received).exec_without_returning(db).await?;
    }
    Ok(())
}

/// Inserts the items of the first variants of new products, with the stock of the products, and appends that it was received.
pub(crate) async fn insert_first_items(db: &impl ConnectionTrait, products: &[i64], user: Option<UserId>) -> Result<()> {
    use product::Column as Of;
    let of_products = || {
        Query::select()
            .column(Of::Id)
            .expr(Expr::value(LOCATION))
            .from(product::Entity)
            .and_where(Of::Id.is_in(products.iter().copied()))
            .to_owned()
    };
    let columns = [Column::VariantId, Column::LocationId, Column::Available, Column::Held, Column::Version, Column::UpdatedAt];
    let mut select = of_products();
    select.column(Of::StockQuantity).column(Of::Reserved).expr(Expr::value(1_i64)).column(Of::UpdatedAt);
    insert_from(db, Query::insert().into_table(stock_item::Entity).columns(columns).to_owned(), select).await?;

    let mut select = of_products();
    select
        .expr(Expr::value(Kind::Received))
        .column(Of::StockQuantity)
        .expr(Expr::value(0_i64))
        .expr(Expr::value(None::<i64>))
        .expr(Expr::value(user.map(|user| user.0)))
        .expr(Expr::value(""))
        .column(Of::UpdatedAt)
        .and_where(Of::StockQuantity.gt(0));
    append(db, select).await
}

/// Deletes what can be sold of variants that are being removed, and appends the movements. What orders hold stays. Returns the items that
/// had pieces, as they are then, each with its change. The product must be locked.
pub(crate) async fn empty(
    db: &impl ConnectionTrait,
    variants: impl IntoIterator<Item = i64>,
    user: Option<UserId>,
    note: &str,
) -> Result<Vec<(stock_item::Model, i64)>> {
    let find = stock_item::Entity::find().filter(Column::VariantId.is_in(variants)).filter(Column::Available.gt(0));
    let full: HashMap<i64, i64> = find.all(db).await?.into_iter().map(|item| (item.variant_id, item.available)).collect();
    if full.is_empty() {
        return Ok(Vec::new());
    }
    let at = now();
    let movements = full.iter().map(|(&variant, &pieces)| movement(variant, Kind::Adjusted, -pieces, user, note.into(), at));
    stock_movement::Entity::insert_many(movements).exec_without_returning(db).await?;
    let emptied = stock_item::Entity::update_many()
        .col_expr(Column::Available, Expr::value(0_i64))
        .col_expr(Column::Version, Expr::col(Column::Version).add(1))
        .col_expr(Column::UpdatedAt, Expr::value(at))
        .filter(Column::VariantId.is_in(full.keys().copied()))
        .filter(Column::LocationId.eq(LOCATION))
        .exec_with_returning(db)
        .await?;
    Ok(emptied.into_iter().map(|item| (item.clone(), -full[&item.variant_id])).collect())
}

/// Sets the stock of a product as the sum of its variants.
pub(crate) async fn add_up(db: &impl ConnectionTrait, product: ProductId) -> Result<()> {
    add_up_all(db, &[product.0]).await
}

/// As [`add_up`], of several products.
pub(super) async fn add_up_all(db: &impl ConnectionTrait, products: &[i64]) -> Result<()> {
    let sum = |column, living: bool| {
        let mut select = Query::select();
        select
            .expr(Expr::col((stock_item::Entity, column)).sum().cast_as("BIGINT").if_null(0))
            .from(stock_item::Entity)
            .inner_join(
                variant::Entity,
                Expr::col((variant::Entity, variant::Column::Id)).equals((stock_item::Entity, Column::VariantId)),
            )
            .and_where(Expr::col((variant::Entity, variant::Column::ProductId)).equals((product::Entity, product::Column::Id)));
        if living {
            select.and_where(variant::Column::DeletedAt.is_null());
        }
        Expr::SubQuery(None, Box::new(select.into()))
    };
    product::Entity::update_many()
        .col_expr(product::Column::StockQuantity, sum(Column::Available, true))
        .col_expr(product::Column::Reserved, sum(Column::Held, false))
        .col_expr(product::Column::UpdatedAt, Expr::value(now()))
        .filter(product::Column::Id.is_in(products.iter().copied()))
        .exec(db)
        .await?;
    Ok(())
}

/// Items of variants that were not removed.
fn stock(db: &impl ConnectionTrait, query: &ListStock) -> Select<stock_item::Entity> {
    let is_low = || Expr::col((stock_item::Entity, "is_low"));
    let of_variant = Condition::all()
        .add(variant::Column::DeletedAt.is_null())
        .add(product::Column::DeletedAt.is_null())
        .add_option(query.product_id.map(|id| variant::Column::ProductId.eq(id.0)))
        .add_option(query.sku.as_ref().map(|sku| sku_begins_with(db, &sku.to_lowercase())));
    stock_item::Entity::find()
        .join(JoinType::InnerJoin, stock_item::Relation::Variant.def())
        .join(JoinType::InnerJoin, variant::Relation::Product.def())
        .filter(Column::LocationId.eq(LOCATION))
        .filter(of_variant)
        .apply_if(query.low, |find, low| find.filter(if low { is_low() } else { is_low().not() }))
}

/// A page of items, by their variants.
pub(crate) async fn items(db: &impl ConnectionTrait, query: &ListStock, page: &Page) -> Result<Rows<stock_item::Model>> {
    Keyset::new([(Column::VariantId, false)], Column::VariantId).page(db, stock(db, query), page).await
}

pub(crate) async fn count_items(db: &impl ConnectionTrait, query: &ListStock) -> Result<u64> {
    Ok(stock(db, query).count(db).await?)
}

fn movements(query: &ListMovements) -> Select<stock_movement::Entity> {
    use stock_movement::Column;
    let kind = query.kind.map(Kind::from);
    stock_movement::Entity::find()
        .apply_if(query.variant_id, |find, id| find.filter(Column::VariantId.eq(id.0)))
        .apply_if(kind, |find, kind| find.filter(Column::Kind.eq(kind)))
        .apply_if(query.order_id, |find, id| find.filter(Column::OrderId.eq(id.0)))
        .apply_if(query.from, |find, from| find.filter(Column::At.gte(from)))
        .apply_if(query.until, |find, until| find.filter(Column::At.lt(until)))
}

/// A page of movements, the newest first.
pub(crate) async fn page(db: &impl ConnectionTrait, query: &ListMovements, page: &Page) -> Result<Rows<stock_movement::Model>> {
    use stock_movement::Column::{At, Id};
    // by time where a span is asked for: its index has the order, and ids may be in another one
    let order = if query.from.is_some() || query.until.is_some() { At } else { Id };
    Keyset::new([(order, true)], Id).page(db, movements(query), page).await
}

pub(crate) async fn count(db: &impl ConnectionTrait, query: &ListMovements) -> Result<u64> {
    Ok(movements(query).count(db).await?)
}
