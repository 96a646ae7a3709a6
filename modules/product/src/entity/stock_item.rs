use sea_orm::entity::prelude::*;

/// The only location so far.
pub(crate) const LOCATION: i64 = 1;

/// The pieces of a variant at a location.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "stock_items")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) variant_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) location_id: i64,
    /// Pieces that can be sold.
    pub(crate) available: i64,
    /// Pieces that orders hold.
    pub(crate) held: i64,
    /// Grows with every change.
    pub(crate) version: i64,
    pub(crate) updated_at: DateTimeUtc,
    /// The pieces at which it is low; `None` if it never is. The column `is_low` says whether it is, for an index.
    pub(crate) low_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {
    #[sea_orm(belongs_to = "super::variant::Entity", from = "Column::VariantId", to = "super::variant::Column::Id")]
    Variant,
}

impl ActiveModelBehavior for ActiveModel {}
