use sea_orm::entity::prelude::*;

/// Something that has a picture.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "media_uses")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) media_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) owner: Owner,
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) owner_id: i64,
}

/// What can have pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
pub(crate) enum Owner {
    Product,
    Category,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
