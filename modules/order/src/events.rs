//! What the module tells about its past.

use crate::OrderItem;
use kernel::{Amount, Currency, Event, OrderId, UserId};
use serde::{Deserialize, Serialize};

/// Defines an event that tells what an order was when it happened.
macro_rules! order_event {
    ($(#[$doc:meta])* $name:ident = $kind:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub OrderFacts);

        impl Event for $name {
            const TYPE: &'static str = $kind;
            fn subject(&self) -> String {
                self.0.order_id.to_string()
            }
        }

        impl From<OrderFacts> for $name {
            fn from(facts: OrderFacts) -> Self {
                Self(facts)
            }
        }
    };
}

/// What events tell about an order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    /// What was said about what happened, e.g. the number of the parcel or the reason of a cancellation.
    #[serde(default)]
    pub note: Option<String>,
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
