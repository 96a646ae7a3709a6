use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "holds")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) order_id: i64,
    pub(crate) status: Status,
    pub(crate) expires_at: DateTimeUtc,
}

/// Where the stock of an order is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))")]
pub(crate) enum Status {
    /// Set aside.
    #[sea_orm(string_value = "held")]
    Held,
    /// Sold.
    #[sea_orm(string_value = "committed")]
    Committed,
    /// Back in the shop: the order gave it up, or never held any.
    #[sea_orm(string_value = "released")]
    Released,
    /// Back in the shop: the order took too long.
    #[sea_orm(string_value = "expired")]
    Expired,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
