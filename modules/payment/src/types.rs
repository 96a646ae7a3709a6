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
    /// Id in paths.
    pub id: PaymentId,
    /// The order that the payment is for.
    pub order_id: OrderId,
    /// The payer: the customer who placed the order.
    pub user_id: UserId,
    /// Amount to pay: the total of the order, in `currency`.
    pub amount: Amount,
    /// Currency of the amount.
    pub currency: Currency,
    /// Current status.
    pub status: PaymentStatus,
    /// Name of the payment provider.
    #[schema(example = "sandbox")]
    pub provider: String,
    /// Payment method of the provider.
    #[schema(example = "sandbox_success")]
    pub payment_method: String,
    /// Code of the reason, e.g. `card_declined`, while `status` is `failed`; null otherwise.
    pub failure_reason: Option<String>,
    /// Required action of the payer while `status` is `requires_action`; null otherwise.
    pub next_action: Option<NextAction>,
    /// Start of the attempt (UTC).
    pub created_at: DateTime<Utc>,
    /// Time of the last change of the payment (UTC).
    pub updated_at: DateTime<Utc>,
}

/// Status of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PaymentStatus {
    /// The provider was called; the outcome is not known yet.
    Processing,
    /// The payer must do something first.
    RequiresAction,
    /// The money was taken.
    Succeeded,
    /// The provider declined or was not reached; no money was taken.
    Failed,
    /// Another attempt replaced it before any money was taken.
    Cancelled,
    /// The money was given back.
    Refunded,
}

impl PaymentStatus {
    /// The name in JSON and in the store.
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

/// An action that the payer must do to complete a payment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NextAction {
    /// Kind of the action, as the provider names it.
    #[serde(rename = "type")]
    #[schema(example = "redirect")]
    pub kind: String,
    /// Description for the payer.
    pub description: String,
}

/// A request of the order module to charge an order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, ToSchema, Request)]
#[serde(deny_unknown_fields)]
pub struct PaymentRequest {
    /// The payer: the customer who placed the order.
    #[garde(dive)]
    pub user_id: UserId,
    /// Amount to charge: the total of the order, in `currency`.
    #[garde(custom(not_negative))]
    #[schema(value_type = f64, minimum = 0, example = 29.99)]
    pub amount: Amount,
    /// Currency of the amount.
    #[garde(skip)]
    pub currency: Currency,
    /// Payment method of the provider.
    #[garde(dive, custom(no_card))]
    #[schema(value_type = String, format = "line", min_length = 1, max_length = 100)]
    pub payment_method: Line<100>,
}

fn no_card<C>(method: &Line<100>, _: &C) -> garde::Result {
    kernel::text::no_card_number(method)
}

fn not_negative<C>(amount: &Amount, _: &C) -> garde::Result {
    if *amount >= Amount::ZERO { Ok(()) } else { Err(garde::Error::new("must be at least 0")) }
}
