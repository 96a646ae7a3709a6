use super::item;
use sea_orm::entity::prelude::*;

/// A cart with lines. The row is inserted with the first line and deleted with the last one.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "carts")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) user_id: i64,
    pub(crate) version: i64,
    pub(crate) created_at: DateTimeUtc,
    pub(crate) updated_at: DateTimeUtc,
    pub(crate) expires_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {
    // not `has_many`, for which the two entities would have to name each other
    #[sea_orm(belongs_to = "item::Entity", from = "Column::UserId", to = "item::Column::UserId")]
    Item,
}

impl Related<item::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Item.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}
