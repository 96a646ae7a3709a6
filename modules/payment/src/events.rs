//! What the module tells about its past.

use crate::PaymentId;
use kernel::{Amount, Currency, Event, OrderId, UserId};
use serde::{Deserialize, Serialize};

/// A charge was refused by its provider.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PaymentFailed {
    /// The payment.
    pub payment_id: PaymentId,
    /// The order that it was to pay.
    pub order_id: OrderId,
    /// Who was to pay.
    pub user_id: UserId,
    /// How much.
    pub amount: Amount,
    /// Currency of the amount.
    pub currency: Currency,
    /// The provider's code of the reason, e.g. `card_declined`: not a text for people.
    pub reason: String,
    /// Version of the payment, from 1; 0 in events of releases that did not tell it.
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
