use sea_orm::entity::prelude::*;

/// A change of a stock item. Rows are only added.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "stock_movements")]
pub(crate) struct Model {
    #[sea_orm(primary_key)]
    pub(crate) id: i64,
    pub(crate) variant_id: i64,
    pub(crate) location_id: i64,
    pub(crate) kind: Kind,
    pub(crate) available_change: i64,
    pub(crate) held_change: i64,
    pub(crate) order_id: Option<i64>,
    /// The admin who made it; `None` for orders and the program itself.
    pub(crate) user_id: Option<i64>,
    pub(crate) note: String,
    pub(crate) at: DateTimeUtc,
}

/// The cause of a movement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
pub(crate) enum Kind {
    Received,
    Counted,
    Adjusted,
    Held,
    Released,
    Sold,
    Returned,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
