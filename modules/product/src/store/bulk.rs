//! Reads and writes many products at once: a few statements for a batch, however many products it has.

use super::{Result, Sight, patched, stock, variants};
use crate::{
    OptionOf, ProductId, ProductPatch, Tag, VariantId,
    entity::{
        product::{self, Column, Status},
        product_attribute, product_tag,
        stock_item::{self, LOCATION},
        stock_movement, variant, variant_option,
    },
};
use kernel::{
    Currency, UserId,
    chrono::{DateTime, Utc},
    db::is_duplicate,
    now,
};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::{self, NotSet},
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, Iterable, JoinType, ModelTrait, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect, RelationTrait,
    sea_query::OnConflict,
};
use std::collections::HashMap;

/// What is to be written of a product.
pub(crate) struct Plan {
    /// As it is; `None` for a new one.
    pub(crate) before: Option<product::Model>,
    /// As it shall be, but for the sums of its stock; a new one has no id.
    pub(crate) after: product::Model,
    /// Its tags, if they change.
    pub(crate) tags: Option<Vec<Tag>>,
    /// The index of its attributes, if they change.
    pub(crate) index: Option<Vec<product_attribute::Model>>,
    /// Variants to remove.
    pub(crate) gone: Vec<variant::Model>,
    /// Variants that change.
    pub(crate) changed: Vec<variant::Model>,
    /// Variants to add, with their stock. They have no ids.
    pub(crate) new: Vec<(variant::Model, i64)>,
    /// The variants that stay as they are.
    pub(crate) same: Vec<variant::Model>,
    /// What can be sold of variants that exist, where it differs from what the file says.
    pub(crate) counted: Vec<(stock_item::Model, i64)>,
    /// The options of all variants that it shall have, as [`Plan::living`] gives them; none if no variant changes.
    pub(crate) options: Vec<Vec<OptionOf>>,
}

impl Plan {
    /// Whether variants are added, changed or removed.
    pub(crate) fn has_variants(&self) -> bool {
        !(self.gone.is_empty() && self.changed.is_empty() && self.new.is_empty())
    }

    /// All variants that it shall have.
    pub(crate) fn living(&self) -> impl Iterator<Item = &variant::Model> {
        self.same.iter().chain(&self.changed).chain(self.new.iter().map(|(variant, _)| variant))
    }

    /// Whether nothing is to be written.
    pub(crate) fn is_nothing(&self) -> bool {
        self.before.as_ref() == Some(&self.after) && !self.has_variants() && self.counted.is_empty()
    }
}

/// What the store has of the products of a batch.
#[derive(Default)]
pub(crate) struct Found {
    /// By slug, also by those that they had before.
    by_slug: HashMap<String, i64>,
    products: HashMap<i64, product::Model>,
    /// Also those that were removed.
    variants: HashMap<i64, Vec<variant::Model>>,
    /// The products of SKUs, in lower case.
    owners: HashMap<String, i64>,
    items: HashMap<i64, stock_item::Model>,
}

impl Found {
    /// The product that has a slug, or had it before.
    pub(crate) fn product(&self, slug: &str) -> Option<&product::Model> {
        self.by_slug.get(slug).and_then(|id| self.products.get(id))
    }

    /// The variants of a product, also those that were removed.
    pub(crate) fn variants(&self, product: i64) -> &[variant::Model] {
        self.variants.get(&product).map(Vec::as_slice).unwrap_or_default()
    }

    /// The product of which a variant has this SKU, in lower case.
    pub(crate) fn owner(&self, sku: &str) -> Option<i64> {
        self.owners.get(sku).copied()
    }

    /// The stock of a variant, if it was asked for.
    pub(crate) fn item(&self, variant: i64) -> Option<&stock_item::Model> {
        self.items.get(&variant)
    }
}

/// Finds products by their slugs, with their variants, and with the stock of these if it is wanted; and whose the SKUs are, which are in
/// lower case. With `locks` the products stay as they are until the end of the transaction.
pub(crate) async fn find(
    db: &impl ConnectionTrait,
    slugs: Vec<String>,
    skus: Vec<String>,
    with_stock: bool,
    locks: bool,
) -> Result<Found> {
    let by_slug = super::slugs::owners(db, super::slugs::PRODUCTS, slugs).await?;
    let mut found = Found { by_slug, ..Found::default() };
    if !found.by_slug.is_empty() {
        let products = product::Entity::find().filter(Column::Id.is_in(found.by_slug.values().copied()));
        let products = products.filter(Column::DeletedAt.is_null()).order_by_asc(Column::Id);
        let products = if locks { products.lock_exclusive() } else { products };
        found.products = products.all(db).await?.into_iter().map(|product| (product.id, product)).collect();
    }
    if !found.products.is_empty() {
        let of_products = || variant::Column::ProductId.is_in(found.products.keys().copied());
        for variant in variant::Entity::find().filter(of_products()).all(db).await? {
            found.variants.entry(variant.product_id).or_default().push(variant);
        }
        if with_stock {
            let items = stock_item::Entity::find()
                .join(JoinType::InnerJoin, variant::Relation::StockItem.def().rev())
                .filter(of_products())
                .filter(stock_item::Column::LocationId.eq(LOCATION));
            found.items = items.all(db).await?.into_iter().map(|item| (item.variant_id, item)).collect();
        }
    }
    if !skus.is_empty() {
        let owners = variant::Entity::find().select_only().columns([variant::Column::SkuKey, variant::Column::ProductId]);
        let owners = owners.filter(variant::Column::SkuKey.is_in(skus)).filter(variant::Column::DeletedAt.is_null());
        found.owners = owners.into_tuple::<(String, i64)>().all(db).await?.into_iter().collect();
    }
    Ok(found)
}

/// A new product that is nothing yet.
pub(crate) fn empty(currency: Currency, slug: Option<String>, now: DateTime<Utc>) -> product::Model {
    product::Model {
        pictures: String::new(),
        id: 0,
        name: String::new(),
        name_lower: String::new(),
        name_key: None,
        description: String::new(),
        price_minor: 0,
        currency: currency.to_string(),
        category_id: None,
        stock_quantity: 0,
        reserved: 0,
        slug,
        brand: None,
        brand_key: None,
        tags: String::new(),
        attributes: String::new(),
        seo_title: None,
        seo_description: None,
        languages: String::new(),
        status: Status::Active,
        published_from: None,
        published_until: None,
        version: 1,
        created_at: now,
        updated_at: now,
        deleted_at: None,
    }
}

/// A product with what a patch sets, and the stored form of its attributes if they change.
pub(crate) fn applied(before: product::Model, patch: ProductPatch, attributes: Option<String>) -> product::Model {
    let patched = patched(patch, attributes);
    let mut after = before.clone();
    for column in Column::iter() {
        if let ActiveValue::Set(value) = patched.get(column) {
            after.set(column, value);
        }
    }
    if after.name == before.name {
        // a job adds those that are missing
        after.name_key = before.name_key;
    }
    after
}

/// Writes the products of a batch, which are locked. Returns the items of variants that exist whose stock was moved, as they are then, each
/// with its change; `None` when another request has just taken a slug or a SKU, and then the caller must roll back.
pub(crate) async fn write(
    db: &impl ConnectionTrait,
    plans: &mut [Plan],
    user: Option<UserId>,
) -> Result<Option<Vec<(stock_item::Model, i64)>>> {
    let gone: Vec<i64> = plans.iter().flat_map(|plan| plan.gone.iter().map(|variant| variant.id)).collect();
    let mut moved = Vec::new();
    for some in gone.chunks(1_000) {
        moved.extend(stock::empty(db, some.iter().copied(), user, "variant removed").await?);
        variants::delete(db, some).await?;
    }
    match write_unique(db, plans).await {
        Ok(()) => {}
        Err(e) if is_duplicate(&e) => return Ok(None),
        Err(e) => return Err(e.into()),
    }
    write_indexes(db, plans).await?;
    moved.extend(write_stock(db, plans, user).await?);
    Ok(Some(moved))
}

/// Writes products, slugs and variants, and gives ids to what is new.
async fn write_unique(db: &impl ConnectionTrait, plans: &mut [Plan]) -> std::result::Result<(), DbErr> {
    let new: Vec<_> = plans
        .iter()
        .filter(|plan| plan.before.is_none())
        .map(|plan| product::ActiveModel { id: NotSet, ..plan.after.clone().into_active_model() })
        .collect();
    if !new.is_empty() {
        let added = product::Entity::insert_many(new).exec_with_returning(db).await?;
        let ids: HashMap<_, _> = added.into_iter().map(|row| (row.slug, row.id)).collect();
        for plan in plans.iter_mut().filter(|plan| plan.before.is_none()) {
            plan.after.id = ids.get(&plan.after.slug).copied().unwrap_or_default();
            for (variant, _) in &mut plan.new {
                variant.product_id = plan.after.id;
            }
        }
        let slugs = plans.iter().filter(|plan| plan.before.is_none());
        let slugs = slugs.filter_map(|plan| Some((plan.after.id, plan.after.slug.clone()?)));
        super::slugs::insert(db, super::slugs::PRODUCTS, slugs).await?;
    }
    let (texts, others): (Vec<_>, Vec<_>) = plans
        .iter()
        .filter_map(|plan| plan.before.as_ref().filter(|before| **before != plan.after).map(|before| (before, &plan.after)))
        .partition(|(before, after)| (&before.name, &before.description) != (&after.name, &after.description));
    // the index of the search follows these columns, and costs more than all others
    let is_text = |column: &Column| matches!(column, Column::Name | Column::NameLower | Column::NameKey | Column::Description);
    for (rows, with_texts) in [(texts, true), (others, false)] {
        let columns = Column::iter().filter(|column| is_content(column) && (with_texts || !is_text(column)));
        let rows: Vec<_> = rows.into_iter().map(|(_, after)| after.clone().into_active_model()).collect();
        if !rows.is_empty() {
            let all = OnConflict::column(Column::Id).update_columns(columns).to_owned();
            product::Entity::insert_many(rows).on_conflict(all).exec_without_returning(db).await?;
        }
    }
    write_variants(db, plans).await
}

/// Whether a column is a product's own, and not a sum of its variants.
fn is_content(column: &Column) -> bool {
    let is_other = matches!(
        column,
        Column::Id | Column::Currency | Column::StockQuantity | Column::Reserved | Column::CreatedAt | Column::DeletedAt
    );
    !is_other
}

async fn write_variants(db: &impl ConnectionTrait, plans: &mut [Plan]) -> std::result::Result<(), DbErr> {
    variants::change(db, plans.iter().flat_map(|plan| plan.changed.iter().cloned()).collect()).await?;
    // the first variant of a new product has its id
    let firsts = plans.iter_mut().filter(|plan| plan.before.is_none()).filter_map(|plan| {
        let (first, _) = plan.new.first_mut()?;
        first.id = plan.after.id;
        Some(first.clone().into_active_model())
    });
    let firsts: Vec<_> = firsts.collect();
    if !firsts.is_empty() {
        variant::Entity::insert_many(firsts).exec_without_returning(db).await?;
    }
    let further = plans.iter().flat_map(|plan| plan.new.iter()).filter(|(variant, _)| variant.id == 0);
    let added = variants::add(db, further.map(|(variant, _)| variant.clone()).collect()).await?;
    let ids: HashMap<_, _> = added.into_iter().map(|row| ((row.product_id, row.position), row.id)).collect();
    for (variant, _) in plans.iter_mut().flat_map(|plan| &mut plan.new).filter(|(variant, _)| variant.id == 0) {
        variant.id = ids.get(&(variant.product_id, variant.position)).copied().unwrap_or_default();
    }
    Ok(())
}

/// Brings the indexes of tags, attributes and options up to date.
async fn write_indexes(db: &impl ConnectionTrait, plans: &[Plan]) -> Result<()> {
    let existing = |of: &dyn Fn(&Plan) -> bool| -> Vec<i64> {
        plans.iter().filter(|plan| plan.before.is_some() && of(plan)).map(|plan| plan.after.id).collect()
    };
    let retagged = existing(&|plan| plan.tags.is_some());
    if !retagged.is_empty() {
        product_tag::Entity::delete_many().filter(product_tag::Column::ProductId.is_in(retagged)).exec(db).await?;
    }
    let tags = plans.iter().flat_map(|plan| {
        let product_id = plan.after.id;
        plan.tags.iter().flatten().map(move |tag| product_tag::Model { product_id, tag_key: tag.to_lowercase() })
    });
    insert::<product_tag::Entity>(db, tags.collect()).await?;

    let redescribed = existing(&|plan| plan.index.is_some());
    if !redescribed.is_empty() {
        use product_attribute::{Column, Entity};
        Entity::delete_many().filter(Column::ProductId.is_in(redescribed)).exec(db).await?;
    }
    let values = plans.iter().flat_map(|plan| {
        let product_id = plan.after.id;
        plan.index.iter().flatten().map(move |row| product_attribute::Model { product_id, ..row.clone() })
    });
    insert::<product_attribute::Entity>(db, values.collect()).await?;

    let resized = existing(&Plan::has_variants);
    if !resized.is_empty() {
        variant_option::Entity::delete_many().filter(variant_option::Column::ProductId.is_in(resized)).exec(db).await?;
    }
    let mut options = Vec::new();
    for plan in plans {
        for (variant, of_variant) in std::iter::zip(plan.living(), &plan.options) {
            options.extend(super::options::rows(ProductId(plan.after.id), VariantId(variant.id), of_variant));
        }
    }
    insert::<variant_option::Entity>(db, options).await
}

/// Adds the stock of new variants, and sets that of others. Returns the items that were set, each with its change.
async fn write_stock(db: &impl ConnectionTrait, plans: &[Plan], user: Option<UserId>) -> Result<Vec<(stock_item::Model, i64)>> {
    let new = plans.iter().flat_map(|plan| plan.new.iter().map(|(variant, pieces)| (VariantId(variant.id), *pieces)));
    stock::insert_items(db, &new.collect::<Vec<_>>(), user).await?;
    let at = now();
    let (mut items, mut movements) = (Vec::new(), Vec::new());
    for (item, pieces) in plans.iter().flat_map(|plan| &plan.counted) {
        let change = pieces - item.available;
        let set = stock_item::Model { available: *pieces, version: item.version + 1, updated_at: at, ..item.clone() };
        items.push((set, change));
        movements.push(stock::movement(item.variant_id, stock_movement::Kind::Counted, change, user, "import".into(), at));
    }
    if !items.is_empty() {
        use stock_item::Column;
        let all = OnConflict::columns([Column::VariantId, Column::LocationId])
            .update_columns([Column::Available, Column::Version, Column::UpdatedAt])
            .to_owned();
        let rows = items.iter().map(|(item, _)| item.clone().into_active_model());
        stock_item::Entity::insert_many(rows).on_conflict(all).exec_without_returning(db).await?;
        stock_movement::Entity::insert_many(movements).exec_without_returning(db).await?;
    }
    let moved = plans.iter().filter(|plan| plan.before.is_some() && (plan.has_variants() || !plan.counted.is_empty()));
    let moved: Vec<i64> = moved.map(|plan| plan.after.id).collect();
    if !moved.is_empty() {
        stock::add_up_all(db, &moved).await?;
    }
    Ok(items)
}

/// Inserts rows, as many at once as every store takes.
async fn insert<E: EntityTrait>(db: &impl ConnectionTrait, rows: Vec<E::Model>) -> Result<()>
where
    E::Model: IntoActiveModel<E::ActiveModel>,
{
    /// SQLite takes 32,766.
    const MOST_VALUES: usize = 30_000;
    let most = MOST_VALUES / E::Column::iter().count();
    let mut rows = rows.into_iter().map(IntoActiveModel::into_active_model).peekable();
    while rows.peek().is_some() {
        E::insert_many(rows.by_ref().take(most)).exec_without_returning(db).await?;
    }
    Ok(())
}

/// Up to `limit` products after the one with this id, by id.
pub(crate) async fn after(db: &impl ConnectionTrait, sight: Sight, id: i64, limit: u64) -> Result<Vec<product::Model>> {
    let find = product::Entity::find().filter(sight.condition()).filter(Column::Id.gt(id));
    Ok(find.order_by_asc(Column::Id).limit(limit).all(db).await?)
}

/// How many products are seen.
pub(crate) async fn count(db: &impl ConnectionTrait, sight: Sight) -> Result<u64> {
    Ok(product::Entity::find().filter(sight.condition()).count(db).await?)
}
