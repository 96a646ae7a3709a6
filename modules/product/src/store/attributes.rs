//! Queries of attributes, and the index of their values of products.

use crate::{
    AttributeCode, AttributeFilter, ProductId, Wanted,
    entity::{
        attribute::{Column, Entity, Model},
        product_attribute,
    },
};
use kernel::Fault;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, EntityTrait, ExprTrait, IntoActiveModel, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect, TryInsertResult,
    sea_query::{Expr, Query, SelectStatement},
};

type Result<T> = std::result::Result<T, Fault>;

pub(crate) async fn all(db: &impl ConnectionTrait) -> Result<Vec<Model>> {
    Ok(Entity::find().order_by_asc(Column::Code).all(db).await?)
}

/// The attributes with these codes.
pub(crate) async fn some(db: &impl ConnectionTrait, codes: &[&str]) -> Result<Vec<Model>> {
    if codes.is_empty() {
        return Ok(Vec::new());
    }
    Ok(Entity::find().filter(Column::Code.is_in(codes.iter().copied())).all(db).await?)
}

pub(crate) async fn one(db: &impl ConnectionTrait, code: &AttributeCode) -> Result<Option<Model>> {
    Ok(Entity::find_by_id(code.as_str()).one(db).await?)
}

/// An attribute, which is locked until the end of the transaction.
pub(crate) async fn lock(db: &impl ConnectionTrait, code: &str) -> Result<Option<Model>> {
    Ok(Entity::find_by_id(code).lock_exclusive().one(db).await?)
}

/// The attributes with these codes, which nobody changes until the end of the transaction.
pub(crate) async fn share(db: &impl ConnectionTrait, codes: impl IntoIterator<Item = &AttributeCode>) -> Result<Vec<Model>> {
    let codes = codes.into_iter().map(AttributeCode::as_str);
    Ok(Entity::find().filter(Column::Code.is_in(codes)).order_by_asc(Column::Code).lock_shared().all(db).await?)
}

pub(crate) async fn count(db: &impl ConnectionTrait) -> Result<u64> {
    Ok(Entity::find().count(db).await?)
}

/// Inserts an attribute; `false` when another request has just done so.
pub(crate) async fn insert(db: &impl ConnectionTrait, row: Model) -> Result<bool> {
    let insert = Entity::insert_many([row.into_active_model()]).on_conflict_do_nothing_on([Column::Code]);
    Ok(matches!(insert.exec_without_returning(db).await?, TryInsertResult::Inserted(_)))
}

pub(crate) async fn update(db: &impl ConnectionTrait, row: Model) -> Result<Model> {
    Ok(Entity::update(row.into_active_model().reset_all()).exec(db).await?)
}

pub(crate) async fn delete(db: &impl ConnectionTrait, code: &AttributeCode) -> Result<()> {
    Entity::delete_by_id(code.as_str()).exec(db).await?;
    Ok(())
}

/// Whether a product has the attribute.
pub(crate) async fn is_used(db: &impl ConnectionTrait, code: &str) -> Result<bool> {
    use product_attribute::{Column, Entity};
    Ok(Entity::find().filter(Column::Code.eq(code)).limit(1).count(db).await? > 0)
}

/// One of these choices that a product has.
pub(crate) async fn used_choice(db: &impl ConnectionTrait, code: &str, choices: &[String]) -> Result<Option<String>> {
    use product_attribute::{Column, Entity};
    if choices.is_empty() {
        return Ok(None);
    }
    let find = Entity::find().select_only().column(Column::Value).filter(Column::Code.eq(code));
    Ok(find.filter(Column::Value.is_in(choices)).limit(1).into_tuple().one(db).await?)
}

/// Adds the rows of a product that is not in the index.
pub(crate) async fn insert_index(db: &impl ConnectionTrait, id: ProductId, rows: Vec<product_attribute::Model>) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let rows = rows.into_iter().map(|row| product_attribute::Model { product_id: id.0, ..row }.into_active_model());
    product_attribute::Entity::insert_many(rows).exec_without_returning(db).await?;
    Ok(())
}

/// Removes a product from the index.
pub(crate) async fn delete_index(db: &impl ConnectionTrait, id: ProductId) -> Result<()> {
    use product_attribute::{Column, Entity};
    Entity::delete_many().filter(Column::ProductId.eq(id.0)).exec(db).await?;
    Ok(())
}

/// The ids of products that have the attributes, a query for each.
pub(super) fn with_attributes(filter: &AttributeFilter) -> impl Iterator<Item = SelectStatement> {
    use product_attribute::{Column, Entity};
    filter.attributes().iter().map(|(code, all)| {
        let any = all.iter().fold(Condition::any(), |any, wanted| match wanted {
            Wanted::Value(value) => {
                let any = any.add(Column::Value.eq(value.as_str()));
                any.add_option(
                    value.parse::<f64>().ok().filter(|number| number.is_finite()).map(|number| Column::Number.eq(number)),
                )
            }
            Wanted::Range(from, to) => any.add(
                Condition::all()
                    .add(Column::Number.is_not_null())
                    .add_option(from.map(|from| Column::Number.gte(from)))
                    .add_option(to.map(|to| Column::Number.lte(to))),
            ),
        });
        let of_code = Expr::col(Column::Code).eq(code.as_str());
        Query::select().column(Column::ProductId).from(Entity).and_where(of_code).cond_where(any).to_owned()
    })
}
