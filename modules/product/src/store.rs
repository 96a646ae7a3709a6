//! All queries of the module.

use crate::{
    Category, CategoryId, CategoryPatch, ListProducts, NewCategory, NewProduct, Product, ProductId, ProductPatch,
    ProductSortField, Slug, Tag,
    entity::{
        category,
        product::{self, Column},
        product_tag,
    },
};
use kernel::{
    Fault, IfMatch, Money, Page,
    chrono::{DateTime, SubsecRound, Utc},
    db::{Keyset, Rows, ranked},
    now,
};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::NotSet,
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, ExprTrait, Iterable, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, Select, Set, UpdateMany,
    sea_query::{CaseStatement, Expr, Query, SelectStatement},
};

pub(crate) mod attributes;
pub(crate) mod bulk;
mod changes;
pub(crate) mod checks;
pub(crate) mod facets;
pub(crate) mod holds;
pub(crate) mod imports;
pub(crate) mod media;
pub(crate) mod options;
mod search;
mod sight;
pub(crate) mod slugs;
mod sort_key;
pub(crate) mod stock;
pub(crate) mod tags;
pub(crate) mod texts;
pub(crate) mod translations;
pub(crate) mod variants;

pub(crate) use sight::Sight;

use changes::if_changed;
use search::Search;
use sort_key::sort_key;

type Result<T> = std::result::Result<T, Fault>;

pub(crate) async fn product(db: &impl ConnectionTrait, sight: Sight, id: ProductId) -> Result<Option<product::Model>> {
    Ok(product::Entity::find_by_id(id.0).filter(sight.condition()).one(db).await?)
}

/// The product that has this slug, or had it before.
pub(crate) async fn product_by_slug(db: &impl ConnectionTrait, sight: Sight, slug: &Slug) -> Result<Option<product::Model>> {
    let find = product::Entity::find().filter(Column::Id.in_subquery(slugs::owner(slugs::PRODUCTS, slug)));
    Ok(find.filter(sight.condition()).one(db).await?)
}

/// The highest id of a product that there is or was; 0 if there was none.
pub(crate) async fn last_id(db: &impl ConnectionTrait) -> Result<i64> {
    let last: Option<i64> =
        product::Entity::find().select_only().column(Column::Id).order_by_desc(Column::Id).into_tuple().one(db).await?;
    Ok(last.unwrap_or_default())
}

/// The condition and sort order of a list, in columns of the store.
pub(crate) struct Filter {
    condition: Condition,
    search: Option<Search>,
    /// The beginning of a SKU, in lower case.
    sku: Option<String>,
    order: Keyset<product::Entity>,
    /// By the quality of the match, if there is a search.
    is_ranked: bool,
}

/// The filter of a query. `categories` are the ids of `query.category_id` and all categories below it; `min` and `max` are prices
/// in minor units.
pub(crate) fn filter(
    query: &ListProducts,
    sight: Sight,
    categories: Option<Vec<i64>>,
    min: Option<i64>,
    max: Option<i64>,
) -> Filter {
    let condition = Condition::all()
        .add(sight.condition())
        .add_option(categories.map(|ids| Column::CategoryId.is_in(ids)))
        .add_option(query.ids.as_ref().map(|ids| Column::Id.is_in(ids.as_slice().iter().map(|id| id.0))))
        .add_option(query.brand.as_ref().map(|brand| Column::BrandKey.eq(brand.to_lowercase())))
        .add_option(query.tag.as_ref().map(|tag| Column::Id.in_subquery(with_tag(tag))))
        .add_option(
            query.options.as_ref().map(|with| Column::Id.in_subquery(options::with_options(with, query.in_stock == Some(true)))),
        )
        .add_option(query.in_stock.map(|is| if is { Column::StockQuantity.gt(0) } else { Column::StockQuantity.eq(0) }))
        .add_option(min.map(|min| Column::PriceMinor.gte(min)))
        .add_option(max.map(|max| Column::PriceMinor.lte(max)));
    let with = query.attributes.iter().flat_map(attributes::with_attributes);
    let condition = with.fold(condition, |condition, with| condition.add(Column::Id.in_subquery(with)));
    let column = |field| match field {
        ProductSortField::Id => Column::Id,
        ProductSortField::Name => Column::NameKey,
        ProductSortField::Price => Column::PriceMinor,
        ProductSortField::StockQuantity => Column::StockQuantity,
        ProductSortField::CreatedAt => Column::CreatedAt,
    };
    let fields = query.sort.as_ref().map_or(&[][..], |sort| sort.fields());
    let order = Keyset::new(fields.iter().map(|&(field, is_descending)| (column(field), is_descending)), Column::Id);
    Filter {
        condition,
        search: query.search.as_deref().map(Search::new),
        sku: query.sku.as_ref().map(|sku| sku.to_lowercase()),
        order,
        is_ranked: query.sort.is_none(),
    }
}

/// The ids of products with a tag, whatever its case.
fn with_tag(tag: &str) -> SelectStatement {
    use product_tag::{Column, Entity};
    Query::select().column(Column::ProductId).from(Entity).and_where(Column::TagKey.eq(tag.to_lowercase())).to_owned()
}

fn find(db: &impl ConnectionTrait, filter: &Filter) -> Select<product::Entity> {
    let with_sku = filter.sku.as_ref().map(|sku| Column::Id.in_subquery(variants::with_sku(db, sku)));
    let find = product::Entity::find().filter(filter.condition.clone().add_option(with_sku));
    match &filter.search {
        Some(search) => search.narrow(find, db.get_database_backend()),
        None => find,
    }
}

/// A page of the list; without long texts if `is_short`.
pub(crate) async fn page(
    db: &impl ConnectionTrait,
    filter: &Filter,
    is_short: bool,
    page: &Page,
) -> Result<Rows<product::Model>> {
    let find = find(db, filter);
    let find = if is_short { without_long_texts(find) } else { find };
    match &filter.search {
        // a unique last key, so that every page has the same order
        Some(search) if filter.is_ranked => ranked(db, search.rank(find).order_by_asc(Column::Id), page).await,
        _ => filter.order.page(db, find, page).await,
    }
}

fn without_long_texts(find: Select<product::Entity>) -> Select<product::Entity> {
    let find = Column::iter()
        .filter(|column| !matches!(column, Column::Description | Column::SeoDescription))
        .fold(find.select_only(), |find, column| find.column(column));
    find.expr_as(Expr::val(""), "description").expr_as(Expr::val(None::<String>), "seo_description")
}

pub(crate) async fn count(db: &impl ConnectionTrait, filter: &Filter) -> Result<u64> {
    Ok(find(db, filter).count(db).await?)
}

/// To the microsecond: more is not kept by every store.
fn kept(time: DateTime<Utc>) -> DateTime<Utc> {
    time.trunc_subsecs(6)
}

/// Inserts a product with attributes as they are stored.
pub(crate) async fn insert(
    db: &impl ConnectionTrait,
    new: NewProduct,
    price: Money,
    attributes: String,
) -> Result<product::Model> {
    Ok(product::ActiveModel { attributes: Set(attributes), ..new_row(new, price) }.insert(db).await?)
}

/// Inserts products, without attributes, slugs and variants. Returns their ids and names.
pub(crate) async fn insert_many(db: &impl ConnectionTrait, products: Vec<(NewProduct, Money)>) -> Result<Vec<(i64, String)>> {
    let rows = products.into_iter().map(|(new, price)| new_row(new, price));
    let added = product::Entity::insert_many(rows).exec_with_returning(db).await?;
    Ok(added.into_iter().map(|row| (row.id, row.name)).collect())
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
        brand_key: Set(new.brand.as_ref().map(|brand| brand.to_lowercase())),
        brand: Set(new.brand.map(String::from)),
        tags: Set(lines(&new.tags)),
        attributes: Set(String::new()),
        seo_title: Set(new.seo_title.map(String::from)),
        seo_description: Set(new.seo_description.map(String::from)),
        slug: Set(new.slug.map(|slug| slug.to_string())),
        status: Set(new.status.unwrap_or_default().into()),
        published_from: Set(new.published_from.map(kept)),
        published_until: Set(new.published_until.map(kept)),
        created_at: Set(now),
        updated_at: Set(now),
        deleted_at: Set(None),
        ..Default::default()
    }
}

/// Tags as they are kept: one on each line, which no tag has more of.
fn lines(tags: &[Tag]) -> String {
    tags.iter().map(|tag| tag.as_str()).collect::<Vec<_>>().join("\n")
}

/// Changes the content of a product, with its price and the stored form of its attributes if they change, and counts the change if it is one; `None` when there is no such product, or it has another
/// version.
pub(crate) async fn edit(
    db: &impl ConnectionTrait,
    id: ProductId,
    if_match: &IfMatch,
    patch: ProductPatch,
    price: Option<Money>,
    attributes: Option<String>,
) -> Result<Option<product::Model>> {
    let row = product::ActiveModel { price_minor: price.map_or(NotSet, |price| Set(price.minor)), ..patched(patch, attributes) };
    let version = if_changed(&row, Expr::col(Column::Version).add(1), Column::Version);
    let updated_at = if_changed(&row, Expr::value(now()), Column::UpdatedAt);
    let update = update(id, if_match, row).col_expr(Column::Version, version).col_expr(Column::UpdatedAt, updated_at);
    Ok(update.exec_with_returning(db).await?.into_iter().next())
}

/// The columns that a patch sets, with the stored form of the attributes if they change.
fn patched(patch: ProductPatch, attributes: Option<String>) -> product::ActiveModel {
    let set = |text: Option<String>| text.map_or(NotSet, Set);
    let time = |time: Option<Option<DateTime<Utc>>>| time.map_or(NotSet, |time| Set(time.map(kept)));
    product::ActiveModel {
        name_lower: set(patch.name.as_ref().map(|name| name.to_lowercase())),
        name_key: patch.name.as_ref().map_or(NotSet, |name| Set(Some(sort_key(name)))),
        name: set(patch.name.map(String::from)),
        description: set(patch.description.map(|text| text.map(String::from).unwrap_or_default())),
        category_id: patch.category_id.map_or(NotSet, |id| Set(id.map(|id| id.0))),
        brand_key: patch.brand.as_ref().map_or(NotSet, |brand| Set(brand.as_ref().map(|brand| brand.to_lowercase()))),
        brand: patch.brand.map_or(NotSet, |brand| Set(brand.map(String::from))),
        tags: set(patch.tags.as_deref().map(lines)),
        attributes: set(attributes),
        seo_title: patch.seo_title.map_or(NotSet, |text| Set(text.map(String::from))),
        seo_description: patch.seo_description.map_or(NotSet, |text| Set(text.map(String::from))),
        slug: patch.slug.map_or(NotSet, |slug| Set(Some(slug.to_string()))),
        status: patch.status.map_or(NotSet, |status| Set(status.into())),
        published_from: time(patch.published_from),
        published_until: time(patch.published_until),
        ..Default::default()
    }
}

/// Replaces the pictures of a product, and counts the change if it is one; `None` when there is no such product, or it has another
/// version.
pub(crate) async fn set_pictures(
    db: &impl ConnectionTrait,
    id: ProductId,
    if_match: &IfMatch,
    pictures: String,
) -> Result<Option<product::Model>> {
    let row = product::ActiveModel { pictures: Set(pictures), ..Default::default() };
    let version = if_changed(&row, Expr::col(Column::Version).add(1), Column::Version);
    let updated_at = if_changed(&row, Expr::value(now()), Column::UpdatedAt);
    let update = update(id, if_match, row).col_expr(Column::Version, version).col_expr(Column::UpdatedAt, updated_at);
    Ok(update.exec_with_returning(db).await?.into_iter().next())
}

/// Marks a product as deleted; `None` when there is no such product, or it has another version.
pub(crate) async fn delete(db: &impl ConnectionTrait, id: ProductId, if_match: &IfMatch) -> Result<Option<product::Model>> {
    let row = product::ActiveModel { deleted_at: Set(Some(now())), ..Default::default() };
    Ok(update(id, if_match, row).exec_with_returning(db).await?.into_iter().next())
}

/// Updates the columns that are set in `row`, unless the product was deleted or is not as the caller saw it.
fn update(id: ProductId, if_match: &IfMatch, row: product::ActiveModel) -> UpdateMany<product::Entity> {
    product::Entity::update_many()
        .set(row)
        .filter(Column::Id.eq(id.0))
        .filter(Column::DeletedAt.is_null())
        .filter(Condition::all().add_option(if_match.versions::<Product>(id).map(|seen| Column::Version.is_in(seen))))
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
    let find = category::Entity::find().order_by_asc(category::Column::Position).order_by_asc(category::Column::Id);
    Ok(find.all(db).await?)
}

pub(crate) async fn category(db: &impl ConnectionTrait, id: CategoryId) -> Result<Option<category::Model>> {
    Ok(category::Entity::find_by_id(id.0).one(db).await?)
}

/// The category that has this slug, or had it before.
pub(crate) async fn category_by_slug(db: &impl ConnectionTrait, slug: &Slug) -> Result<Option<category::Model>> {
    let owner = slugs::owner(slugs::CATEGORIES, slug);
    Ok(category::Entity::find().filter(category::Column::Id.in_subquery(owner)).one(db).await?)
}

/// Locks a category until the end of the transaction; `None` when there is no such category.
pub(crate) async fn lock_category(db: &impl ConnectionTrait, id: CategoryId) -> Result<Option<category::Model>> {
    Ok(category::Entity::find_by_id(id.0).lock_exclusive().one(db).await?)
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

/// Inserts a category with the attributes that it requires and its picture, as they are stored.
pub(crate) async fn insert_category(
    db: &impl ConnectionTrait,
    new: &NewCategory,
    required: String,
    picture: String,
) -> Result<category::Model> {
    let description = new.description.iter().flatten().next();
    let row = category::ActiveModel {
        name: Set(new.name.to_string()),
        description: Set(description.map(ToString::to_string).unwrap_or_default()),
        parent_id: Set(new.parent_id.map(|id| id.0)),
        position: Set(new.position.map(place).unwrap_or_default()),
        slug: Set(new.slug.as_ref().map(ToString::to_string)),
        required_attributes: Set(required),
        picture: Set(picture),
        ..Default::default()
    };
    Ok(row.insert(db).await?)
}

/// Changes a category, with the attributes that it requires and its picture, as they are stored, if they change; and counts the change if
/// it is one. `None` when there is no such category, or it has another version.
pub(crate) async fn edit_category(
    db: &impl ConnectionTrait,
    id: CategoryId,
    if_match: &IfMatch,
    patch: CategoryPatch,
    required: Option<String>,
    picture: Option<String>,
) -> Result<Option<category::Model>> {
    let row = category::ActiveModel {
        name: patch.name.map_or(NotSet, |name| Set(name.into())),
        description: patch.description.map_or(NotSet, |text| Set(text.map(String::from).unwrap_or_default())),
        parent_id: patch.parent_id.map_or(NotSet, |id| Set(id.map(|id| id.0))),
        position: patch.position.map_or(NotSet, |position| Set(place(position))),
        slug: patch.slug.map_or(NotSet, |slug| Set(Some(slug.to_string()))),
        required_attributes: required.map_or(NotSet, Set),
        picture: picture.map_or(NotSet, Set),
        ..Default::default()
    };
    let version = if_changed(&row, Expr::col(category::Column::Version).add(1), category::Column::Version);
    let update = category::Entity::update_many().set(row).col_expr(category::Column::Version, version);
    let update = update.filter(is_category(id, if_match));
    Ok(update.exec_with_returning(db).await?.into_iter().next())
}

/// A position, which is at most [`crate::MAX_POSITION`].
fn place(position: i64) -> i32 {
    i32::try_from(position).unwrap_or(i32::MAX)
}

/// That it is this category, as the caller saw it.
fn is_category(id: CategoryId, if_match: &IfMatch) -> Condition {
    let seen = if_match.versions::<Category>(id).map(|seen| category::Column::Version.is_in(seen));
    Condition::all().add(category::Column::Id.eq(id.0)).add_option(seen)
}

/// Whether products or categories are in this category.
pub(crate) async fn category_is_used(db: &impl ConnectionTrait, id: CategoryId) -> Result<bool> {
    let children = category::Entity::find().filter(category::Column::ParentId.eq(id.0)).limit(1).count(db).await?;
    let products = product::Entity::find().filter(Column::CategoryId.eq(id.0)).filter(Column::DeletedAt.is_null());
    Ok(children > 0 || products.limit(1).count(db).await? > 0)
}

/// Deletes a category; `false` when there is no such category, or it has another version.
pub(crate) async fn delete_category(db: &impl ConnectionTrait, id: CategoryId, if_match: &IfMatch) -> Result<bool> {
    // deleted products do not keep a category
    product::Entity::update_many()
        .col_expr(Column::CategoryId, Expr::value(None::<i64>))
        .filter(Column::CategoryId.eq(id.0))
        .filter(Column::DeletedAt.is_not_null())
        .exec(db)
        .await?;
    let deleted = category::Entity::delete_many().filter(is_category(id, if_match)).exec(db).await?;
    Ok(deleted.rows_affected == 1)
}
