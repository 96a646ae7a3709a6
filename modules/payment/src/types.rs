use garde::Validate;
use kernel::{
    Amount, Currency, OrderId, Request, UserId,
    chrono::{DateTime, Utc},
    text::Line,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

kernel::uuid_id!(
    /// A payment.
    PaymentId
);

/// A payment: one attempt to charge one order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Payment {
    /// Its id.
    pub id: PaymentId,
    /// The order that it pays.
    pub order_id: OrderId,
    /// Who pays.
    pub user_id: UserId,
    /// How much: the total of the order.
    pub amount: Amount,
    /// Currency of the amount.
    pub currency: Currency,
    /// How far it is.
    pub status: PaymentStatus,
    /// Who moves the money.
    #[schema(example = "sandbox")]
    pub provider: String,
    /// The provider's method that was used.
    #[schema(example = "sandbox_success")]
    pub payment_method: String,
    /// Why it failed, if it did.
    pub failure_reason: Option<String>,
    /// What the payer must do, while `status` is `requires_action`.
    pub next_action: Option<NextAction>,
    /// When it was begun.
    pub created_at: DateTime<Utc>,
    /// When its status last changed.
    pub updated_at: DateTime<Utc>,
}

/// How far a payment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PaymentStatus {
    /// The provider was asked; its answer is not known yet.
    Processing,
    /// The payer must do something first.
    RequiresAction,
    /// The money was taken.
    Succeeded,
    /// The provider refused.
    Failed,
    /// Another attempt took its place before any money was taken.
    Cancelled,
    /// The money was given back.
    Refunded,
}

impl PaymentStatus {
    /// Its name on JSON and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Processing => "processing",
            Self::RequiresAction => "requires_action",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Refunded => "refunded",
        }
    }
}

/// Something that the payer must do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NextAction {
    /// What.
    #[serde(rename = "type")]
    #[schema(example = "redirect")]
    pub kind: String,
    /// In words.
    pub description: String,
}

/// A charge that the order module asks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, ToSchema, Request)]
#[serde(deny_unknown_fields)]
pub struct PaymentRequest {
    /// Who pays.
    #[garde(dive)]
    pub user_id: UserId,
    /// How much: the total of the order.
    #[garde(custom(not_negative))]
    #[schema(value_type = f64, minimum = 0, example = 29.99)]
    pub amount: Amount,
    /// Currency of the amount.
    #[garde(skip)]
    pub currency: Currency,
    /// A method of the provider.
    #[garde(dive, custom(no_card))]
    #[schema(value_type = String, min_length = 1, max_length = 100)]
    pub payment_method: Line<100>,
}

fn no_card<C>(method: &Line<100>, _: &C) -> garde::Result {
    kernel::text::no_card_number(method)
}

fn not_negative<C>(amount: &Amount, _: &C) -> garde::Result {
    if *amount >= Amount::ZERO { Ok(()) } else { Err(garde::Error::new("must be at least 0")) }
}
