//! Queries of tags.

use crate::{
    ProductId, Tag,
    entity::product_tag::{Column, Entity, Model},
};
use kernel::Fault;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect};
use std::collections::HashMap;

type Result<T> = std::result::Result<T, Fault>;

/// The tags of products, by their ids.
pub(crate) async fn of_products(
    db: &impl ConnectionTrait,
    products: impl IntoIterator<Item = ProductId>,
) -> Result<HashMap<i64, Vec<String>>> {
    let find = Entity::find().select_only().columns([Column::ProductId, Column::Tag]);
    let find = find.filter(Column::ProductId.is_in(products.into_iter().map(|id| id.0)));
    let rows: Vec<(i64, String)> =
        find.order_by_asc(Column::ProductId).order_by_asc(Column::Position).into_tuple().all(db).await?;
    let mut tags: HashMap<i64, Vec<String>> = HashMap::new();
    for (id, tag) in rows {
        tags.entry(id).or_default().push(tag);
    }
    Ok(tags)
}

pub(crate) async fn of_product(db: &impl ConnectionTrait, id: ProductId) -> Result<Vec<String>> {
    Ok(of_products(db, [id]).await?.remove(&id.0).unwrap_or_default())
}

/// Adds the tags of a product that has none.
pub(crate) async fn insert(db: &impl ConnectionTrait, id: ProductId, tags: &[Tag]) -> Result<()> {
    if tags.is_empty() {
        return Ok(());
    }
    let row =
        |(position, tag): (i32, &Tag)| Model { product_id: id.0, position, tag: tag.to_string(), tag_key: tag.to_lowercase() };
    Entity::insert_many((0..).zip(tags).map(row).map(IntoActiveModel::into_active_model)).exec_without_returning(db).await?;
    Ok(())
}

/// Replaces the tags of a product, which must be locked.
pub(crate) async fn replace(db: &impl ConnectionTrait, id: ProductId, tags: &[Tag]) -> Result<()> {
    Entity::delete_many().filter(Column::ProductId.eq(id.0)).exec(db).await?;
    insert(db, id, tags).await
}
