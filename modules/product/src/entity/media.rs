use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "media")]
pub(crate) struct Model {
    /// SHA-256 of the object.
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: String,
    /// The object, whose name no other upload has had or will have.
    pub(crate) object: String,
    pub(crate) media_type: String,
    pub(crate) width: i32,
    pub(crate) height: i32,
    pub(crate) bytes: i64,
    pub(crate) uploaded_at: DateTimeUtc,
    /// When something had it for the first time.
    pub(crate) used_at: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
