//! The index of tags, by which products are found. What is shown is in the row of the product.

use crate::{
    ProductId, Tag,
    entity::product_tag::{Column, Entity, Model},
};
use kernel::Fault;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter};

/// Adds a product that is not in the index.
pub(crate) async fn insert(db: &impl ConnectionTrait, id: ProductId, tags: &[Tag]) -> Result<(), Fault> {
    if tags.is_empty() {
        return Ok(());
    }
    let rows = tags.iter().map(|tag| Model { product_id: id.0, tag_key: tag.to_lowercase() }.into_active_model());
    Entity::insert_many(rows).exec_without_returning(db).await?;
    Ok(())
}

/// Replaces the tags of a product, which must be locked.
pub(crate) async fn replace(db: &impl ConnectionTrait, id: ProductId, tags: &[Tag]) -> Result<(), Fault> {
    Entity::delete_many().filter(Column::ProductId.eq(id.0)).exec(db).await?;
    insert(db, id, tags).await
}
