use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "cart_items")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) user_id: i64,
    // the names of the columns are older than variants (docs/decisions/0014-variants.md)
    #[sea_orm(primary_key, auto_increment = false, column_name = "product_id")]
    pub(crate) variant_id: i64,
    /// `None` if the product has no options: then its id is that of the variant.
    #[sea_orm(column_name = "of_product")]
    pub(crate) product_id: Option<i64>,
    pub(crate) quantity: i64,
    /// Name and price as the user was last shown them.
    pub(crate) product_name: String,
    pub(crate) unit_price_minor: i64,
    pub(crate) currency: String,
    pub(crate) added_at: DateTimeUtc,
    pub(crate) updated_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
