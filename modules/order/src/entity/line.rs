use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "order_lines")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) order_id: i64,
    // the names of the columns are older than variants (docs/decisions/0014-variants.md)
    #[sea_orm(primary_key, auto_increment = false, column_name = "product_id")]
    pub(crate) variant_id: i64,
    /// `None` if the product had no options: then its id is that of the variant.
    #[sea_orm(column_name = "of_product")]
    pub(crate) product_id: Option<i64>,
    pub(crate) sku: Option<String>,
    pub(crate) name: String,
    pub(crate) unit_price_minor: i64,
    pub(crate) quantity: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
