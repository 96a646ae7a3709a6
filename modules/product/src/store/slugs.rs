//! Queries of slugs. A product keeps those it had; the table's primary key decides who gets one.

use super::sight::Sight;
use crate::{
    ProductId, Slug,
    entity::{
        product,
        product_slug::{Column, Entity, Model, Relation},
    },
};
use kernel::Fault;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, IntoActiveModel, JoinType, QueryFilter, QueryOrder, QuerySelect,
    RelationTrait, TryInsertResult,
    sea_query::{Expr, LockBehavior, LockType, OnConflict, Query},
};
use std::collections::HashSet;

type Result<T> = std::result::Result<T, Fault>;

/// The product that has this slug, or had it before.
pub(crate) async fn product(db: &impl ConnectionTrait, sight: Sight, slug: &Slug) -> Result<Option<product::Model>> {
    let find = product::Entity::find().filter(Column::Slug.eq(slug.as_str())).filter(sight.condition());
    let of_slug = Relation::Product.def().rev();
    Ok(find.join(JoinType::InnerJoin, of_slug).one(db).await?)
}

/// Takes a slug for a product; `false` when another product has it or had it before.
pub(crate) async fn take(db: &impl ConnectionTrait, id: ProductId, slug: &Slug) -> Result<bool> {
    // its own of before it may have again
    let own = OnConflict::column(Column::Slug)
        .update_column(Column::ProductId)
        .action_and_where(Expr::col((Entity, Column::ProductId)).eq(id.0))
        .to_owned();
    let row = Model { slug: slug.to_string(), product_id: id.0 };
    let insert = Entity::insert_many([row.into_active_model()]).on_conflict(own);
    Ok(insert.exec_without_returning(db).await? == 1)
}

/// Takes slugs for products, of those that no other product has or had. Returns the products that got theirs.
pub(crate) async fn take_free(db: &impl ConnectionTrait, slugs: Vec<(i64, String)>) -> Result<HashSet<i64>> {
    let rows = slugs.into_iter().map(|(product_id, slug)| Model { slug, product_id }.into_active_model());
    match Entity::insert_many(rows).on_conflict_do_nothing().exec_with_returning_many(db).await? {
        TryInsertResult::Inserted(taken) => Ok(taken.into_iter().map(|row| row.product_id).collect()),
        TryInsertResult::Empty | TryInsertResult::Conflicted => Ok(HashSet::new()),
    }
}

/// Shows products with the only slug that they have.
pub(crate) async fn show_only(db: &impl ConnectionTrait, products: &[(i64, String)]) -> Result<()> {
    let only = Query::select()
        .expr(Expr::col((Entity, Column::Slug)).min())
        .from(Entity)
        .and_where(Expr::col((Entity, Column::ProductId)).equals((product::Entity, product::Column::Id)))
        .to_owned();
    product::Entity::update_many()
        .col_expr(product::Column::Slug, Expr::SubQuery(None, Box::new(only.into())))
        .filter(product::Column::Id.is_in(products.iter().map(|(id, _)| *id)))
        .exec(db)
        .await?;
    Ok(())
}

/// Ids and names of up to `limit` products without a slug. Locks them, but for those that others have locked. (SQLite has one writer
/// and ignores the lock.)
pub(crate) async fn without(db: &impl ConnectionTrait, limit: u64) -> Result<Vec<(i64, String)>> {
    use product::Column;
    let find = product::Entity::find().select_only().columns([Column::Id, Column::Name]);
    let find = find.filter(Column::Slug.is_null()).filter(Column::DeletedAt.is_null()).order_by_asc(Column::Id).limit(limit);
    Ok(find.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked).into_tuple().all(db).await?)
}

/// Gives up all slugs of a product that is being deleted.
pub(crate) async fn delete(db: &impl ConnectionTrait, id: ProductId) -> Result<()> {
    Entity::delete_many().filter(Column::ProductId.eq(id.0)).exec(db).await?;
    Ok(())
}
