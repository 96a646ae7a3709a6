//! All queries of the module.

use crate::{
    CategoryId, ListProducts, NewCategory, NewProduct, ProductChange, ProductId, ProductSortField,
    entity::{
        category,
        product::{self, Column},
    },
};
use kernel::{Fault, Money, Page, now};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Unchanged,
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, Order, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select,
    Set,
    sea_query::{CaseStatement, Expr},
};

pub(crate) mod checks;
pub(crate) mod holds;
mod search;
mod sort_key;
pub(crate) mod stock;
pub(crate) mod variants;

use search::Search;
use sort_key::sort_key;

type Result<T, E = Fault> = std::result::Result<T, E>;

/// A product that was not deleted.
pub(crate) async fn product(db: &impl ConnectionTrait, id: ProductId) -> Result<Option<product::Model>> {
    Ok(product::Entity::find_by_id(id.0).filter(Column::DeletedAt.is_null()).one(db).await?)
}

/// The condition and sort order of a list, in columns of the store.
pub(crate) struct Filter {
    condition: Condition,
    search: Option<Search>,
    order: Vec<(Column, Order)>,
}

/// The filter of a query. `categories` are the ids of `query.category_id` and all categories below it; `min` and `max` are prices
/// in minor units.
pub(crate) fn filter(query: &ListProducts, categories: Option<Vec<i64>>, min: Option<i64>, max: Option<i64>) -> Filter {
    let condition = Condition::all()
        .add(Column::DeletedAt.is_null())
        .add_option(categories.map(|ids| Column::CategoryId.is_in(ids)))
        .add_option(query.ids.as_ref().map(|ids| Column::Id.is_in(ids.as_slice().iter().map(|id| id.0))))
        .add_option(min.map(|min| Column::PriceMinor.gte(min)))
        .add_option(max.map(|max| Column::PriceMinor.lte(max)));
    let column = |field| match field {
        ProductSortField::Id => Column::Id,
        ProductSortField::Name => Column::NameKey,
        ProductSortField::Price => Column::PriceMinor,
        ProductSortField::StockQuantity => Column::StockQuantity,
        ProductSortField::CreatedAt => Column::CreatedAt,
    };
    let fields = query.sort.as_ref().map_or(&[][..], |sort| sort.fields());
    let order = fields
        .iter()
        .map(|&(field, is_descending)| (column(field), if is_descending { Order::Desc } else { Order::Asc }))
        .collect();
    Filter { condition, search: query.search.as_deref().map(Search::new), order }
}

fn find(db: &impl ConnectionTrait, filter: &Filter) -> Select<product::Entity> {
    let find = product::Entity::find().filter(filter.condition.clone());
    match &filter.search {
        Some(search) => search.narrow(find, db.get_database_backend()),
        None => find,
    }
}

pub(crate) async fn page(db: &impl ConnectionTrait, filter: &Filter, page: Page) -> Result<Vec<product::Model>> {
    let mut find = find(db, filter).offset(page.offset()).limit(u64::from(page.per_page()));
    for (column, order) in &filter.order {
        find = find.order_by(*column, order.clone());
    }
    if let (Some(search), []) = (&filter.search, &filter.order[..]) {
        find = search.rank(find);
    }
    // a unique last key, so that every page has the same order
    Ok(find.order_by_asc(Column::Id).all(db).await?)
}

pub(crate) async fn count(db: &impl ConnectionTrait, filter: &Filter) -> Result<u64> {
    Ok(find(db, filter).count(db).await?)
}

pub(crate) async fn insert(db: &impl ConnectionTrait, new: NewProduct, price: Money) -> Result<product::Model> {
    Ok(new_row(new, price).insert(db).await?)
}

/// Inserts products with their first variants.
pub(crate) async fn insert_many(db: &impl ConnectionTrait, products: Vec<(NewProduct, Money)>) -> Result<()> {
    let rows = products.into_iter().map(|(new, price)| new_row(new, price));
    let ids = product::Entity::insert_many(rows).exec_with_returning_keys(db).await?;
    variants::insert_first(db, &ids).await?;
    stock::insert_first_items(db, &ids, None).await
}

fn new_row(new: NewProduct, price: Money) -> product::ActiveModel {
    let now = now();
    product::ActiveModel {
        name_lower: Set(new.name.to_lowercase()),
        name_key: Set(Some(sort_key(&new.name))),
        name: Set(new.name.into()),
        description: Set(new.description.map(String::from).unwrap_or_default()),
        price_minor: Set(price.minor),
        currency: Set(price.currency.to_string()),
        category_id: Set(new.category_id.map(|id| id.0)),
        stock_quantity: Set(new.stock_quantity),
        reserved: Set(0),
        created_at: Set(now),
        updated_at: Set(now),
        deleted_at: Set(None),
        ..Default::default()
    }
}

/// Replaces all of a product but its variants; `None` when there is no such product.
pub(crate) async fn replace(db: &impl ConnectionTrait, id: ProductId, change: ProductChange) -> Result<Option<product::Model>> {
    let row = product::ActiveModel {
        name_lower: Set(change.name.to_lowercase()),
        name_key: Set(Some(sort_key(&change.name))),
        name: Set(change.name.into()),
        description: Set(change.description.map(String::from).unwrap_or_default()),
        category_id: Set(change.category_id.map(|id| id.0)),
        updated_at: Set(now()),
        ..Default::default()
    };
    update(db, id, row).await
}

/// Marks a product as deleted; `None` when there is no such product.
pub(crate) async fn delete(db: &impl ConnectionTrait, id: ProductId) -> Result<Option<product::Model>> {
    update(db, id, product::ActiveModel { deleted_at: Set(Some(now())), ..Default::default() }).await
}

/// Updates the columns that are set in `row`, unless the product was deleted.
async fn update(db: &impl ConnectionTrait, id: ProductId, row: product::ActiveModel) -> Result<Option<product::Model>> {
    let changed = product::Entity::update_many()
        .set(row)
        .filter(Column::Id.eq(id.0))
        .filter(Column::DeletedAt.is_null())
        .exec_with_returning(db)
        .await?;
    Ok(changed.into_iter().next())
}

/// Ids and names of up to `limit` products that have no key to sort their names by.
pub(crate) async fn without_name_key(db: &impl ConnectionTrait, limit: u64) -> Result<Vec<(i64, String)>> {
    let find = product::Entity::find().select_only().columns([Column::Id, Column::Name]).filter(Column::NameKey.is_null());
    Ok(find.limit(limit).into_tuple().all(db).await?)
}

/// Sets the keys of products that still have none: a product that got one meanwhile may also have another name.
pub(crate) async fn set_name_keys(db: &impl ConnectionTrait, names: &[(i64, String)]) -> Result<()> {
    let key = names.iter().fold(CaseStatement::new(), |case, (id, name)| case.case(Column::Id.eq(*id), sort_key(name)));
    product::Entity::update_many()
        .col_expr(Column::NameKey, Expr::expr(key))
        .filter(Column::Id.is_in(names.iter().map(|(id, _)| *id)))
        .filter(Column::NameKey.is_null())
        .exec(db)
        .await?;
    Ok(())
}

pub(crate) async fn categories(db: &impl ConnectionTrait) -> Result<Vec<category::Model>> {
    Ok(category::Entity::find().order_by_asc(category::Column::Id).all(db).await?)
}

pub(crate) async fn category(db: &impl ConnectionTrait, id: CategoryId) -> Result<Option<category::Model>> {
    Ok(category::Entity::find_by_id(id.0).one(db).await?)
}

/// Ids and parents of all categories.
pub(crate) async fn parents(db: &impl ConnectionTrait) -> Result<Vec<(i64, Option<i64>)>> {
    let columns = [category::Column::Id, category::Column::ParentId];
    Ok(category::Entity::find().select_only().columns(columns).into_tuple().all(db).await?)
}

/// Locks all categories until the end of the transaction, so that categories that are moved at once cannot form a circle. (SQLite has
/// one writer and ignores the lock.)
pub(crate) async fn lock_categories(db: &impl ConnectionTrait) -> Result<()> {
    let all = category::Entity::find().select_only().column(category::Column::Id).order_by_asc(category::Column::Id);
    all.lock_exclusive().into_tuple::<i64>().all(db).await?;
    Ok(())
}

pub(crate) async fn insert_category(db: &impl ConnectionTrait, new: &NewCategory) -> Result<category::Model> {
    let parent_id = Set(new.parent_id.map(|id| id.0));
    let row = category::ActiveModel { name: Set(new.name.to_string()), parent_id, ..Default::default() };
    Ok(row.insert(db).await?)
}

pub(crate) async fn update_category(db: &impl ConnectionTrait, id: CategoryId, change: &NewCategory) -> Result<category::Model> {
    let parent_id = Set(change.parent_id.map(|id| id.0));
    let row = category::ActiveModel { id: Unchanged(id.0), name: Set(change.name.to_string()), parent_id };
    Ok(row.update(db).await?)
}

/// Whether products or categories are in this category.
pub(crate) async fn category_is_used(db: &impl ConnectionTrait, id: CategoryId) -> Result<bool> {
    let children = category::Entity::find().filter(category::Column::ParentId.eq(id.0)).limit(1).count(db).await?;
    let products = product::Entity::find().filter(Column::CategoryId.eq(id.0)).filter(Column::DeletedAt.is_null());
    Ok(children > 0 || products.limit(1).count(db).await? > 0)
}

pub(crate) async fn delete_category(db: &impl ConnectionTrait, id: CategoryId) -> Result<bool> {
    // deleted products do not keep a category
    product::Entity::update_many()
        .col_expr(Column::CategoryId, Expr::value(None::<i64>))
        .filter(Column::CategoryId.eq(id.0))
        .filter(Column::DeletedAt.is_not_null())
        .exec(db)
        .await?;
    Ok(category::Entity::delete_by_id(id.0).exec(db).await?.rows_affected == 1)
}
