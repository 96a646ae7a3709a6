//! What the module tells about its past.

use crate::OrderItem;
use kernel::{Amount, Currency, Event, OrderId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Defines an event that tells what an order was when it happened.
macro_rules! order_event {
    ($(#[$doc:meta])* $name:ident = $kind:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
        #[serde(transparent)]
        pub struct $name(pub OrderFacts);

        impl Event for $name {
            const TYPE: &'static str = $kind;
            fn subject(&self) -> String {
                self.0.order_id.to_string()
            }
            fn version(&self) -> i64 {
                self.0.version
            }
        }

        impl From<OrderFacts> for $name {
            fn from(facts: OrderFacts) -> Self {
                Self(facts)
            }
        }
    };
}

/// The number that people use for an order.
pub fn order_number(id: OrderId) -> String {
    format!("S-{:08}", id.0)
}

/// Why an order was cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CancelReason {
    /// Its user wanted it.
    Customer,
    /// The shop wanted it.
    Shop,
    /// It was not paid in time.
    NotPaid,
    /// It was paid too late: its stock was no longer held.
    StockLost,
}

/// What events tell about an order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OrderFacts {
    /// The order.
    pub order_id: OrderId,
    /// The number that people use.
    pub number: String,
    /// Whose it is.
    pub user_id: UserId,
    /// The lines, sorted by product.
    pub items: Vec<OrderItem>,
    /// What is to be paid.
    pub total: Amount,
    /// Currency of all amounts.
    pub currency: Currency,
    /// What a person wrote about what happened, e.g. the number of the parcel or the reason of a cancellation.
    #[serde(default)]
    pub note: Option<String>,
    /// Why it was cancelled; only then.
    #[serde(default)]
    pub reason: Option<CancelReason>,
    /// Version of the order, from 1; 0 in events of releases that did not tell it.
    #[serde(default)]
    pub version: i64,
}

order_event!(
    /// An order was placed and awaits payment.
    OrderPlaced = "order.placed"
);
order_event!(
    /// An order was paid.
    OrderPaid = "order.paid"
);
order_event!(
    /// An order is on its way.
    OrderShipped = "order.shipped"
);
order_event!(
    /// An order has arrived.
    OrderDelivered = "order.delivered"
);
order_event!(
    /// An order was cancelled, by its user, an admin, or because it was not paid in time.
    OrderCancelled = "order.cancelled"
);
order_event!(
    /// The money of a cancelled order was given back.
    OrderRefunded = "order.refunded"
);
