use crate::PaymentStatus;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "payments")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: Uuid,
    pub(crate) order_id: i64,
    pub(crate) attempt: i64,
    pub(crate) user_id: i64,
    pub(crate) amount_minor: i64,
    pub(crate) currency: String,
    pub(crate) status: Status,
    pub(crate) provider: String,
    pub(crate) payment_method: String,
    /// Calls to the provider so far: a call compares it to find out whether a later call has begun.
    #[sea_orm(column_name = "asks")]
    pub(crate) calls: i32,
    /// The provider's reference of the charge, once it has one.
    pub(crate) provider_reference: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) failure_reason: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) action_kind: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) action_description: Option<String>,
    pub(crate) created_at: DateTimeUtc,
    pub(crate) updated_at: DateTimeUtc,
    /// Starts at 1 and grows with every change.
    pub(crate) version: i64,
}

/// Failure reason of an attempt that did not reach the provider.
pub(crate) const NOT_REACHED: &str = "provider_unavailable";

/// [`PaymentStatus`] in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))")]
pub(crate) enum Status {
    #[sea_orm(string_value = "processing")]
    Processing,
    #[sea_orm(string_value = "requires_action")]
    RequiresAction,
    #[sea_orm(string_value = "succeeded")]
    Succeeded,
    #[sea_orm(string_value = "failed")]
    Failed,
    #[sea_orm(string_value = "cancelled")]
    Cancelled,
    #[sea_orm(string_value = "refunded")]
    Refunded,
}

impl From<Status> for PaymentStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Processing => Self::Processing,
            Status::RequiresAction => Self::RequiresAction,
            Status::Succeeded => Self::Succeeded,
            Status::Failed => Self::Failed,
            Status::Cancelled => Self::Cancelled,
            Status::Refunded => Self::Refunded,
        }
    }
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
