use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "categories")]
pub(crate) struct Model {
    #[sea_orm(primary_key)]
    pub(crate) id: i64,
    pub(crate) name: String,
    #[sea_orm(column_type = "Text")]
    pub(crate) description: String,
    pub(crate) parent_id: Option<i64>,
    /// Codes of the attributes that its products must have, as JSON; empty if there are none.
    #[sea_orm(column_type = "Text")]
    pub(crate) required_attributes: String,
    /// Its place among others, from 0.
    pub(crate) position: i32,
    /// The present slug, which is one of its rows in `category_slugs`; `None` until a job has given it one.
    pub(crate) slug: Option<String>,
    /// The languages that it is translated into, separated by spaces.
    #[sea_orm(column_type = "Text")]
    pub(crate) languages: String,
    /// As JSON; empty without one.
    #[sea_orm(column_type = "Text")]
    pub(crate) picture: String,
    /// Counts the changes.
    pub(crate) version: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
