use sea_orm::entity::prelude::*;

/// Something that must happen in another module because an order changed. Written in the transaction of the change.
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

/// What must happen. Each may happen twice without harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))")]
pub(crate) enum Kind {
    /// The cart that was ordered is emptied.
    #[sea_orm(string_value = "clear_cart")]
    ClearCart,
    /// The held stock is sold.
    #[sea_orm(string_value = "commit_stock")]
    CommitStock,
    /// The money goes back.
    #[sea_orm(string_value = "refund")]
    Refund,
    /// The stock goes back.
    #[sea_orm(string_value = "release_stock")]
    ReleaseStock,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
