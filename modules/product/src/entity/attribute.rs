use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "attributes")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) code: String,
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) unit: Option<String>,
    /// Codes and names of what can be chosen, as JSON.
    #[sea_orm(column_type = "Text")]
    pub(crate) choices: String,
    /// Names in other languages, as JSON; empty if there are none.
    #[sea_orm(column_type = "Text")]
    pub(crate) translations: String,
    pub(crate) version: i64,
}

/// What the values of an attribute are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))")]
pub(crate) enum Kind {
    #[sea_orm(string_value = "text")]
    Text,
    #[sea_orm(string_value = "number")]
    Number,
    #[sea_orm(string_value = "boolean")]
    Boolean,
    /// One of its choices.
    #[sea_orm(string_value = "choice")]
    Choice,
    /// Some of its choices.
    #[sea_orm(string_value = "choices")]
    Choices,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
