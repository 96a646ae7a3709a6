//! The index of the options of variants, by which products are found. What is shown is in the rows of the variants.

use crate::{
    OptionFilter, OptionOf, ProductId, VariantId,
    entity::{
        stock_item,
        variant_option::{Column, Entity, Model},
    },
};
use kernel::Fault;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, IntoActiveModel, QueryFilter,
    sea_query::{Expr, Query, SelectStatement},
};

type Result<T> = std::result::Result<T, Fault>;

/// The rows of a variant.
pub(crate) fn rows(product: ProductId, variant: VariantId, options: &[OptionOf]) -> impl Iterator<Item = Model> {
    options.iter().map(move |option| Model {
        variant_id: variant.0,
        name_key: option.name.to_lowercase(),
        value_key: option.value.to_lowercase(),
        product_id: product.0,
        name: option.name.to_string(),
        value: option.value.to_string(),
    })
}

/// Replaces the rows of all variants of a product, which must be locked.
pub(crate) async fn replace(db: &impl ConnectionTrait, product: ProductId, rows: Vec<Model>) -> Result<()> {
    delete(db, product).await?;
    if !rows.is_empty() {
        Entity::insert_many(rows.into_iter().map(IntoActiveModel::into_active_model)).exec_without_returning(db).await?;
    }
    Ok(())
}

/// Removes the variants of a product from the index.
pub(crate) async fn delete(db: &impl ConnectionTrait, product: ProductId) -> Result<()> {
    Entity::delete_many().filter(Column::ProductId.eq(product.0)).exec(db).await?;
    Ok(())
}

/// The ids of products with a variant that has the options; of which pieces can be sold, if `in_stock`.
pub(super) fn with_options(filter: &OptionFilter, in_stock: bool) -> SelectStatement {
    let mut find = Query::select().column((Entity, Column::ProductId)).to_owned();
    narrow(&mut find, Some(filter), in_stock);
    find
}

/// Restricts a query to variants that have the options; of which pieces can be sold, if `in_stock`.
pub(super) fn narrow(find: &mut SelectStatement, filter: Option<&OptionFilter>, in_stock: bool) {
    find.from(Entity);
    if in_stock {
        let of_variant = Expr::col((stock_item::Entity, stock_item::Column::VariantId)).equals((Entity, Column::VariantId));
        find.inner_join(stock_item::Entity, of_variant);
        find.and_where(Expr::col((stock_item::Entity, stock_item::Column::Available)).gt(0));
    }
    for (name, values) in filter.iter().flat_map(|filter| filter.options()) {
        // each option is a row of its own
        let has = Query::select()
            .column(Column::VariantId)
            .from(Entity)
            .and_where(Expr::col(Column::NameKey).eq(name.as_str()))
            .and_where(Expr::col(Column::ValueKey).is_in(values.iter().map(String::as_str)))
            .to_owned();
        find.and_where(Expr::col((Entity, Column::VariantId)).in_subquery(has));
    }
}
