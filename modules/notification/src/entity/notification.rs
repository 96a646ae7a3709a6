use sea_orm::entity::prelude::*;

/// A notification.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "notifications")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: Uuid,
    pub(crate) event_id: Uuid,
    pub(crate) user_id: i64,
    pub(crate) kind: String,
    pub(crate) channel: String,
    pub(crate) locale: String,
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) recipient: Option<String>,
    #[sea_orm(column_type = "Text")]
    pub(crate) subject: String,
    #[sea_orm(column_type = "Text")]
    pub(crate) text: String,
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) html: Option<String>,
    pub(crate) status: String,
    pub(crate) attempts: i32,
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) last_error: Option<String>,
    pub(crate) due_at: DateTimeUtc,
    pub(crate) queued_at: DateTimeUtc,
    pub(crate) created_at: DateTimeUtc,
    pub(crate) sent_at: Option<DateTimeUtc>,
    pub(crate) read_at: Option<DateTimeUtc>,
    pub(crate) claims: i32,
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) address: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) secret: Option<String>,
    pub(crate) is_personal: bool,
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) resend_key: Option<String>,
    pub(crate) traceparent: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
