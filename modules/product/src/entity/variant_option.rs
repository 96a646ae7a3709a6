use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "variant_options")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) variant_id: i64,
    /// The name in lower case.
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) name_key: String,
    /// The value in lower case.
    pub(crate) value_key: String,
    pub(crate) product_id: i64,
    pub(crate) name: String,
    pub(crate) value: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
