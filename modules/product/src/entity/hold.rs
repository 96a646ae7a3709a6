use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "holds")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) order_id: i64,
    pub(crate) status: Status,
    pub(crate) expires_at: DateTimeUtc,
}

/// Status of the stock of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))")]
pub(crate) enum Status {
    /// Reserved.
    #[sea_orm(string_value = "held")]
    Held,
    /// Sold.
    #[sea_orm(string_value = "committed")]
    Committed,
    /// Returned to the shop: the order was released, or never held any.
    #[sea_orm(string_value = "released")]
    Released,
    /// Returned to the shop: the hold expired.
    #[sea_orm(string_value = "expired")]
    Expired,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
