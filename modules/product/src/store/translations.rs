//! Queries of translations, and of the index of their words.

use crate::{
    CategoryId, ProductId,
    entity::{
        category, product, product_translated,
        translation::{Column, Entity, Kind, Model},
    },
};
use kernel::{Fault, Language, now};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, IntoActiveModel, QueryFilter,
    sea_query::{Expr, OnConflict},
};

type Result<T> = std::result::Result<T, Fault>;

/// All translations of something.
pub(crate) async fn all(db: &impl ConnectionTrait, kind: Kind, id: i64) -> Result<Vec<Model>> {
    let mut all = Entity::find().filter(Column::Kind.eq(kind)).filter(Column::Id.eq(id)).all(db).await?;
    // stores sort text differently
    all.sort_unstable_by(|one, other| one.language.cmp(&other.language));
    Ok(all)
}

/// Writes a translation of something that is locked.
pub(crate) async fn write(db: &impl ConnectionTrait, row: Model) -> Result<()> {
    let replace = OnConflict::columns([Column::Kind, Column::Id, Column::Language]).update_column(Column::Texts).to_owned();
    Entity::insert_many([row.into_active_model()]).on_conflict(replace).exec_without_returning(db).await?;
    Ok(())
}

/// Deletes a translation of something that is locked; `false` when there is none.
pub(crate) async fn delete(db: &impl ConnectionTrait, kind: Kind, id: i64, language: &Language) -> Result<bool> {
    Ok(Entity::delete_by_id((kind, id, language.to_string())).exec(db).await?.rows_affected == 1)
}

/// Deletes all translations of something.
pub(crate) async fn delete_all(db: &impl ConnectionTrait, kind: Kind, id: i64) -> Result<()> {
    Entity::delete_many().filter(Column::Kind.eq(kind)).filter(Column::Id.eq(id)).exec(db).await?;
    Ok(())
}

/// Counts a change of a product's translations: the languages that it now has, and the words by which it is found in them.
pub(crate) async fn count_change_of_product(
    db: &impl ConnectionTrait,
    id: ProductId,
    languages: String,
    words: String,
) -> Result<()> {
    use product::Column;
    product::Entity::update_many()
        .col_expr(Column::Languages, Expr::value(languages))
        .col_expr(Column::Version, Expr::col(Column::Version).add(1))
        .col_expr(Column::UpdatedAt, Expr::value(now()))
        .filter(Column::Id.eq(id.0))
        .exec(db)
        .await?;
    let replace =
        OnConflict::column(product_translated::Column::ProductId).update_column(product_translated::Column::Texts).to_owned();
    let row = product_translated::Model { product_id: id.0, texts: words }.into_active_model();
    product_translated::Entity::insert_many([row]).on_conflict(replace).exec_without_returning(db).await?;
    Ok(())
}

/// Counts a change of a category's translations: the languages that it now has.
pub(crate) async fn count_change_of_category(db: &impl ConnectionTrait, id: CategoryId, languages: String) -> Result<()> {
    use category::Column;
    category::Entity::update_many()
        .col_expr(Column::Languages, Expr::value(languages))
        .col_expr(Column::Version, Expr::col(Column::Version).add(1))
        .filter(Column::Id.eq(id.0))
        .exec(db)
        .await?;
    Ok(())
}
