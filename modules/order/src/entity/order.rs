use crate::OrderStatus;
use sea_orm::{Iterable, entity::prelude::*};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "orders")]
pub(crate) struct Model {
    #[sea_orm(primary_key)]
    pub(crate) id: i64,
    pub(crate) user_id: i64,
    pub(crate) state: State,
    pub(crate) currency: String,
    pub(crate) total_minor: i64,
    #[sea_orm(column_type = "Text")]
    pub(crate) shipping_address: String,
    /// Version of the cart that was ordered.
    pub(crate) cart_version: i64,
    /// Attempts to pay so far.
    pub(crate) attempt: i32,
    /// Method of the last attempt.
    pub(crate) payment_method: Option<String>,
    /// Idempotency key of the request that last moved the order into an intermediate state, if it had one.
    pub(crate) payment_key: Option<String>,
    pub(crate) payment_id: Option<Uuid>,
    pub(crate) placed_at: DateTimeUtc,
    pub(crate) updated_at: DateTimeUtc,
    pub(crate) expires_at: DateTimeUtc,
    /// Until when the request or job that moved the order into an intermediate state counts as running.
    pub(crate) lease_until: DateTimeUtc,
    /// Changes of the state so far.
    pub(crate) version: i64,
}

/// The state of an order. In an intermediate state a request or a job is at work on the order, under its lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))")]
pub(crate) enum State {
    /// Intermediate: stock is being held. Nobody sees the order yet.
    #[sea_orm(string_value = "placing")]
    Placing,
    #[sea_orm(string_value = "pending")]
    Pending,
    /// Intermediate: a payment was requested; its outcome is not known yet.
    #[sea_orm(string_value = "charging")]
    Charging,
    #[sea_orm(string_value = "paid")]
    Paid,
    #[sea_orm(string_value = "shipped")]
    Shipped,
    #[sea_orm(string_value = "delivered")]
    Delivered,
    #[sea_orm(string_value = "cancelled")]
    Cancelled,
    #[sea_orm(string_value = "expired")]
    Expired,
    /// Intermediate: the order was cancelled after it was paid; the refund is not done yet.
    #[sea_orm(string_value = "refunding")]
    Refunding,
    #[sea_orm(string_value = "refunded")]
    Refunded,
}

impl State {
    /// The status that users see.
    pub(crate) fn status(self) -> OrderStatus {
        match self {
            State::Placing | State::Pending | State::Charging => OrderStatus::Pending,
            State::Paid => OrderStatus::Paid,
            State::Shipped => OrderStatus::Shipped,
            State::Delivered => OrderStatus::Delivered,
            State::Cancelled | State::Refunding => OrderStatus::Cancelled,
            State::Expired => OrderStatus::Expired,
            State::Refunded => OrderStatus::Refunded,
        }
    }

    /// The states that users see as `status`.
    pub(crate) fn shown_as(status: OrderStatus) -> Vec<State> {
        State::iter().filter(|state| state.status() == status && *state != State::Placing).collect()
    }
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
