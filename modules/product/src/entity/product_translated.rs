use sea_orm::entity::prelude::*;

/// The index of translated words, by which products are found.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "product_translated")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) product_id: i64,
    /// The names and descriptions in all languages.
    #[sea_orm(column_type = "Text")]
    pub(crate) texts: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
