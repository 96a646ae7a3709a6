//! The events that the module publishes.

use crate::OrderItem;
use kernel::{Amount, Currency, Event, OrderId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Defines an event whose data is a snapshot of the order after the change.
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

/// The number of an order for mails and customer service.
pub fn order_number(id: OrderId) -> String {
    format!("S-{:08}", id.0)
}

/// Why an order was cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CancelReason {
    /// The customer cancelled it.
    Customer,
    /// An admin cancelled it.
    Shop,
    /// It was not paid in time.
    NotPaid,
    /// It was paid after the hold of its stock had ended.
    StockLost,
}

/// Snapshot of an order in an event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OrderFacts {
    /// Id of the order.
    pub order_id: OrderId,
    /// Number for mails and customer service, e.g. `S-00000042`.
    pub number: String,
    /// The customer who placed the order.
    pub user_id: UserId,
    /// One line for each variant, sorted by product and variant.
    pub items: Vec<OrderItem>,
    /// Amount to pay, in `currency`.
    pub total: Amount,
    /// Currency of all amounts of the order.
    pub currency: Currency,
    /// Note of the person who made the change, e.g. the number of the parcel or the reason of a cancellation.
    #[serde(default)]
    pub note: Option<String>,
    /// Cause of a cancellation; null in all other events.
    #[serde(default)]
    pub reason: Option<CancelReason>,
    /// Version of the order, from 1; 0 in events of releases without versions.
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
    /// The parcel of an order is on its way.
    OrderShipped = "order.shipped"
);
order_event!(
    /// The parcel of an order has arrived.
    OrderDelivered = "order.delivered"
);
order_event!(
    /// An order was cancelled: by the customer, by an admin, or because it was not paid in time.
    OrderCancelled = "order.cancelled"
);
order_event!(
    /// The money of a cancelled order was given back.
    OrderRefunded = "order.refunded"
);
