use sea_orm::entity::prelude::*;

/// A call to another module that a change of an order requires. It is written in the transaction of the change.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "order_effects")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) order_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) kind: Kind,
    pub(crate) attempts: i32,
    pub(crate) due_at: DateTimeUtc,
}

/// The kinds of effects. Each is idempotent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))")]
pub(crate) enum Kind {
    /// Remove the ordered lines from the cart.
    #[sea_orm(string_value = "clear_cart")]
    ClearCart,
    /// Sell the held stock.
    #[sea_orm(string_value = "commit_stock")]
    CommitStock,
    /// Give the money back.
    #[sea_orm(string_value = "refund")]
    Refund,
    /// Release the held stock.
    #[sea_orm(string_value = "release_stock")]
    ReleaseStock,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
