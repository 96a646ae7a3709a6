use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "product_attributes")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) product_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) code: String,
    /// Code of what was chosen, `true` or `false`; empty for texts and numbers.
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) value: String,
    pub(crate) number: Option<f64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
