//! Queries of variants.

use super::{changes::if_changed, sight::Sight};
use crate::{
    ProductId, Variant, VariantId, VariantPatch,
    entity::{
        product, stock_item,
        variant::{self, Column},
    },
};
use kernel::{
    Fault, IfMatch,
    db::{is_duplicate, like},
    now,
};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, Condition, ConnectionTrait, DbBackend, DbErr, EntityTrait, ExprTrait, FromQueryResult, IntoActiveModel,
    JoinType, QueryFilter, QueryOrder, QuerySelect, RelationTrait, Select,
    sea_query::{Expr, InsertStatement, OnConflict, Query, SelectStatement},
};

type Result<T> = std::result::Result<T, Fault>;

/// A variant that is sold, with what it takes to show it.
#[derive(Debug, FromQueryResult)]
pub(crate) struct Sold {
    #[sea_orm(nested)]
    pub(crate) variant: variant::Model,
    pub(crate) product_name: String,
    /// The languages that the product is translated into, separated by spaces.
    pub(crate) languages: String,
    pub(crate) currency: String,
    pub(crate) available: i64,
}

/// Variants of products that the caller sees.
fn find(sight: Sight) -> Select<variant::Entity> {
    variant::Entity::find()
        .column_as(product::Column::Name, "product_name")
        .columns([product::Column::Languages, product::Column::Currency])
        .column(stock_item::Column::Available)
        .join(JoinType::InnerJoin, variant::Relation::Product.def())
        .join(JoinType::InnerJoin, variant::Relation::StockItem.def())
        .filter(Column::DeletedAt.is_null())
        .filter(sight.condition())
}

pub(crate) async fn by_ids(
    db: &impl ConnectionTrait,
    sight: Sight,
    ids: impl IntoIterator<Item = VariantId>,
) -> Result<Vec<Sold>> {
    let find = find(sight).filter(Column::Id.is_in(ids.into_iter().map(|id| id.0)));
    Ok(find.order_by_asc(Column::Id).into_model().all(db).await?)
}

/// The variant with a SKU, in lower case.
pub(crate) async fn by_sku(db: &impl ConnectionTrait, sight: Sight, key: String) -> Result<Option<Sold>> {
    Ok(find(sight).filter(Column::SkuKey.eq(key)).into_model().one(db).await?)
}

/// The variants of these products, which the caller has seen, in the order in which they are shown.
pub(crate) async fn of_products(db: &impl ConnectionTrait, products: impl IntoIterator<Item = ProductId>) -> Result<Vec<Sold>> {
    let find = find(Sight::All).filter(Column::ProductId.is_in(products.into_iter().map(|id| id.0)));
    let find = find.order_by_asc(Column::ProductId).order_by_asc(Column::Position).order_by_asc(Column::Id);
    Ok(find.into_model().all(db).await?)
}

/// Locks a product until the end of the transaction; `None` when there is no such product. What changes variants or their stock
/// locks their products first, so that no two wait for each other.
pub(crate) async fn lock_product(db: &impl ConnectionTrait, id: ProductId) -> Result<Option<product::Model>> {
    let find = product::Entity::find_by_id(id.0).filter(product::Column::DeletedAt.is_null());
    Ok(find.lock_exclusive().one(db).await?)
}

/// The product of a variant, which may have been removed.
pub(crate) async fn product_of(db: &impl ConnectionTrait, id: VariantId) -> Result<Option<ProductId>> {
    let find = variant::Entity::find_by_id(id.0);
    let product: Option<i64> = find.select_only().column(Column::ProductId).into_tuple().one(db).await?;
    Ok(product.map(ProductId))
}

/// All variants of a product, also those that were removed.
pub(crate) async fn all(db: &impl ConnectionTrait, product: ProductId) -> Result<Vec<variant::Model>> {
    Ok(variant::Entity::find().filter(Column::ProductId.eq(product.0)).all(db).await?)
}

/// The variants of a product that were not removed.
pub(crate) async fn living(db: &impl ConnectionTrait, product: ProductId) -> Result<Vec<variant::Model>> {
    Ok(variant::Entity::find().filter(Column::ProductId.eq(product.0)).filter(Column::DeletedAt.is_null()).all(db).await?)
}

/// That a SKU begins with a text, so that an index answers it.
pub(super) fn sku_begins_with(db: &impl ConnectionTrait, text: &str) -> Expr {
    let key = || Expr::col((variant::Entity, Column::SkuKey));
    if db.get_database_backend() == DbBackend::Postgres {
        return key().like(like("", text, "%"));
    }
    // SQLite uses an index for LIKE only if that ignores no case; it compares bytes, and no text has U+10FFFF
    key().gte(text).and(key().lt(format!("{text}\u{10ffff}")))
}

/// The ids of products with a variant whose SKU begins with this text in lower case.
pub(super) fn with_sku(db: &impl ConnectionTrait, text: &str) -> SelectStatement {
    let living = Expr::col((variant::Entity, Column::DeletedAt)).is_null();
    Query::select()
        .column(Column::ProductId)
        .from(variant::Entity)
        .and_where(sku_begins_with(db, text))
        .and_where(living)
        .to_owned()
}

/// A SKU of these, in lower case, that a variant of another product has.
pub(crate) async fn sku_of_others(db: &impl ConnectionTrait, product: ProductId, keys: &[String]) -> Result<Option<String>> {
    let find = variant::Entity::find().select_only().column(Column::SkuKey).filter(Column::SkuKey.is_in(keys.iter().cloned()));
    let find = find.filter(Column::DeletedAt.is_null()).filter(Column::ProductId.ne(product.0));
    Ok(find.into_tuple().one(db).await?)
}

/// Marks variants as deleted.
pub(crate) async fn delete(db: &impl ConnectionTrait, ids: &[i64]) -> Result<()> {
    let gone = variant::Entity::update_many().filter(Column::Id.is_in(ids.iter().copied()));
    gone.col_expr(Column::DeletedAt, Expr::value(now())).exec(db).await?;
    Ok(())
}

/// What became of the change of a variant.
pub(crate) enum Edited {
    /// It has this version.
    As(i64),
    /// There is no such variant, or it has another version than the caller saw.
    No,
    /// Another variant has the SKU; the caller must roll back.
    SkuTaken,
}

/// Changes a variant that was not removed, and counts the change if it is one.
pub(crate) async fn edit(
    db: &impl ConnectionTrait,
    id: VariantId,
    if_match: &IfMatch,
    patch: VariantPatch,
    price_minor: Option<i64>,
) -> Result<Edited> {
    let row = variant::ActiveModel {
        sku_key: patch.sku.as_ref().map_or(NotSet, |sku| Set(sku.as_ref().map(|sku| sku.to_lowercase()))),
        sku: patch.sku.map_or(NotSet, |sku| Set(sku.map(String::from))),
        gtin: patch.gtin.map_or(NotSet, Set),
        price_minor: price_minor.map_or(NotSet, Set),
        weight_grams: patch.weight_grams.map_or(NotSet, Set),
        length_mm: patch.length_mm.map_or(NotSet, Set),
        width_mm: patch.width_mm.map_or(NotSet, Set),
        height_mm: patch.height_mm.map_or(NotSet, Set),
        ..Default::default()
    };
    let version = if_changed(&row, Expr::col(Column::Version).add(1), Column::Version);
    let updated_at = if_changed(&row, Expr::value(now()), Column::UpdatedAt);
    let edited = variant::Entity::update_many()
        .set(row)
        .col_expr(Column::Version, version)
        .col_expr(Column::UpdatedAt, updated_at)
        .filter(Column::Id.eq(id.0))
        .filter(Column::DeletedAt.is_null())
        .filter(Condition::all().add_option(if_match.versions::<Variant>(id).map(|seen| Column::Version.is_in(seen))))
        .exec_with_returning(db)
        .await;
    match edited {
        Ok(rows) => Ok(rows.first().map_or(Edited::No, |row| Edited::As(row.version))),
        Err(e) if is_duplicate(&e) => Ok(Edited::SkuTaken),
        Err(e) => Err(e.into()),
    }
}

/// Writes variants of a product that have changed, and inserts new ones, whatever their ids. Returns the ids of these, in the order of
/// the rows; `None` when another product has one of the SKUs, and then the caller must roll back.
pub(crate) async fn write(
    db: &impl ConnectionTrait,
    changed: Vec<variant::Model>,
    new: Vec<variant::Model>,
) -> Result<Option<Vec<VariantId>>> {
    let write = async || {
        change(db, changed).await?;
        add(db, new).await
    };
    match write().await {
        Ok(mut rows) => {
            rows.sort_unstable_by_key(|row| row.position);
            Ok(Some(rows.into_iter().map(|row| VariantId(row.id)).collect()))
        }
        Err(e) if is_duplicate(&e) => Ok(None),
        Err(e) => Err(e.into()),
    }
}

/// Writes variants that have changed. Those of a product, and of several, may exchange what must be unique.
pub(super) async fn change(db: &impl ConnectionTrait, changed: Vec<variant::Model>) -> std::result::Result<(), DbErr> {
    if !changed.is_empty() {
        let ids: Vec<i64> = changed.iter().map(|variant| variant.id).collect();
        variant::Entity::update_many()
            .col_expr(Column::SkuKey, Expr::value(None::<String>))
            .col_expr(Column::Options, Expr::col(Column::Id).cast_as("TEXT"))
            .filter(Column::Id.is_in(ids))
            .exec(db)
            .await?;
        let columns = [
            Column::Position,
            Column::Options,
            Column::Sku,
            Column::SkuKey,
            Column::Gtin,
            Column::PriceMinor,
            Column::WeightGrams,
            Column::LengthMm,
            Column::WidthMm,
            Column::HeightMm,
            Column::Version,
            Column::UpdatedAt,
            Column::DeletedAt,
        ];
        let all = OnConflict::column(Column::Id).update_columns(columns).to_owned();
        let rows = changed.into_iter().map(IntoActiveModel::into_active_model);
        variant::Entity::insert_many(rows).on_conflict(all).exec_without_returning(db).await?;
    }
    Ok(())
}

/// Inserts new variants, whatever their ids. Returns the rows, in any order.
pub(super) async fn add(db: &impl ConnectionTrait, new: Vec<variant::Model>) -> std::result::Result<Vec<variant::Model>, DbErr> {
    if new.is_empty() {
        return Ok(Vec::new());
    }
    let new = new.into_iter().map(|row| variant::ActiveModel { id: NotSet, ..row.into_active_model() });
    variant::Entity::insert_many(new).exec_with_returning(db).await
}

/// The first variants of products that have none: with the ids, prices and times of the products.
pub(crate) async fn insert_first(db: &impl ConnectionTrait, products: &[i64]) -> Result<()> {
    let columns = [
        Column::Id,
        Column::ProductId,
        Column::Position,
        Column::Options,
        Column::PriceMinor,
        Column::CreatedAt,
        Column::UpdatedAt,
    ];
    let select = Query::select()
        .column(product::Column::Id)
        .column(product::Column::Id)
        .expr(Expr::value(0))
        .expr(Expr::value(""))
        .columns([product::Column::PriceMinor, product::Column::CreatedAt, product::Column::UpdatedAt])
        .from(product::Entity)
        .and_where(product::Column::Id.is_in(products.iter().copied()))
        .to_owned();
    insert_from(db, Query::insert().into_table(variant::Entity).columns(columns).to_owned(), select).await
}

/// Inserts the rows that `select` finds.
pub(super) async fn insert_from(db: &impl ConnectionTrait, mut insert: InsertStatement, select: SelectStatement) -> Result<()> {
    insert.select_from(select).map_err(Fault::internal)?;
    db.execute(&insert).await?;
    Ok(())
}

/// Marks the variants of a product as deleted.
pub(crate) async fn delete_all(db: &impl ConnectionTrait, product: ProductId) -> Result<()> {
    let all = variant::Entity::update_many().filter(Column::ProductId.eq(product.0)).filter(Column::DeletedAt.is_null());
    all.col_expr(Column::DeletedAt, Expr::value(now())).exec(db).await?;
    Ok(())
}

/// Counts a change of a product's variants, and sets the lowest price of them as its own.
pub(crate) async fn count_change(db: &impl ConnectionTrait, product: ProductId) -> Result<()> {
    let lowest = Query::select()
        .expr(Expr::col(Column::PriceMinor).min())
        .from(variant::Entity)
        .and_where(Column::ProductId.eq(product.0))
        .and_where(Column::DeletedAt.is_null())
        .to_owned();
    product::Entity::update_many()
        .col_expr(product::Column::PriceMinor, Expr::SubQuery(None, Box::new(lowest.into())))
        .col_expr(product::Column::Version, Expr::col(product::Column::Version).add(1))
        .col_expr(product::Column::UpdatedAt, Expr::value(now()))
        .filter(product::Column::Id.eq(product.0))
        .exec(db)
        .await?;
    Ok(())
}

/// Sets the price of the only variant of a product without options.
pub(crate) async fn set_price(db: &impl ConnectionTrait, product: ProductId, minor: i64) -> Result<()> {
    variant::Entity::update_many()
        .col_expr(Column::PriceMinor, Expr::value(minor))
        .col_expr(Column::Version, Expr::col(Column::Version).add(1))
        .col_expr(Column::UpdatedAt, Expr::value(now()))
        .filter(Column::ProductId.eq(product.0))
        .filter(Column::DeletedAt.is_null())
        .exec(db)
        .await?;
    Ok(())
}
