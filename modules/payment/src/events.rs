//! The events that the module publishes.

use crate::PaymentId;
use kernel::{Amount, Currency, Event, OrderId, UserId};
use serde::{Deserialize, Serialize};

/// The provider declined a charge.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PaymentFailed {
    /// Id of the failed payment.
    pub payment_id: PaymentId,
    /// The order that the payment was for.
    pub order_id: OrderId,
    /// The payer: the customer who placed the order.
    pub user_id: UserId,
    /// Amount that was not charged, in `currency`.
    pub amount: Amount,
    /// Currency of the amount.
    pub currency: Currency,
    /// The provider's code of the reason, e.g. `card_declined`: not a text for people.
    pub reason: String,
    /// Version of the payment, from 1; 0 in events of releases without versions.
    #[serde(default)]
    pub version: i64,
}

impl Event for PaymentFailed {
    const TYPE: &'static str = "payment.failed";
    fn subject(&self) -> String {
        self.payment_id.to_string()
    }
    fn version(&self) -> i64 {
        self.version
    }
}
