use sea_orm::entity::prelude::*;

/// Name and addresses of a user, from the last event of the user module.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "contacts")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) user_id: i64,
    #[sea_orm(column_type = "Text")]
    pub(crate) email: String,
    #[sea_orm(column_type = "Text")]
    pub(crate) first_name: String,
    #[sea_orm(column_type = "Text")]
    pub(crate) last_name: String,
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) phone: Option<String>,
    pub(crate) updated_at: DateTimeUtc,
    pub(crate) version: i64,
    pub(crate) email_confirmed: bool,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
