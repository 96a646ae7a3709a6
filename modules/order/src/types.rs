use garde::Validate;
use kernel::{
    Amount, Currency, MAX_PAGE, MAX_PER_PAGE, OrderId, Pagination, Request, UserId,
    chrono::{DateTime, Utc},
    rules::between,
    text::{Line, Text, no_card_number},
};
use payment::{Payment, PaymentId};
use product::{ProductId, VariantId};
use serde::{Deserialize, Serialize};
use std::fmt;
use user::PostalAddress;
use utoipa::{IntoParams, ToSchema};

/// An order, with its lines and its history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Order {
    /// Id in paths and requests.
    pub id: OrderId,
    /// Number for mails and customer service: `S-` and the id with at least 8 digits.
    #[schema(example = "S-00000042")]
    pub number: String,
    /// The customer who placed the order.
    pub user_id: UserId,
    /// Current status; a payment under way shows as `pending`.
    pub status: OrderStatus,
    /// One line for each variant, sorted by product and variant; at least one.
    pub items: Vec<OrderItem>,
    /// Sum of the subtotals of all lines, in `currency`.
    pub subtotal: Amount,
    /// Amount to pay, in `currency`. It equals `subtotal`: there are no further costs.
    pub total: Amount,
    /// Currency of all amounts of the order.
    pub currency: Currency,
    /// Address that the order is shipped to.
    pub shipping_address: PostalAddress,
    /// The payment that paid the order, or the last one that required an action of the payer; null if there is none.
    pub payment_id: Option<PaymentId>,
    /// Time of placing (UTC).
    pub placed_at: DateTime<Utc>,
    /// Time of the last change of the order (UTC).
    pub updated_at: DateTime<Utc>,
    /// Time (UTC) at which the order expires unless it is paid; null unless the status is `pending`.
    pub expires_at: Option<DateTime<Utc>>,
    /// History of the order, the oldest entry first.
    pub timeline: Vec<TimelineEntry>,
}

/// Status of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// The stock is held; the payment is awaited or under way.
    Pending,
    /// The order is paid; the stock is sold.
    Paid,
    /// The parcel is on its way.
    Shipped,
    /// The parcel has arrived.
    Delivered,
    /// The order was cancelled. If it had been paid, the refund is under way.
    Cancelled,
    /// The order was not paid in time.
    Expired,
    /// The order was cancelled after it was paid, and the money was given back.
    Refunded,
}

impl OrderStatus {
    /// The name in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Paid => "paid",
            Self::Shipped => "shipped",
            Self::Delivered => "delivered",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::Refunded => "refunded",
        }
    }
}

impl fmt::Display for OrderStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A line of an order, with name and price at the time of placing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OrderItem {
    /// The ordered product; it may have been changed or deleted since.
    pub product_id: ProductId,
    /// The ordered variant; absent if the product had no options.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant_id: Option<VariantId>,
    /// The shop's number of the variant when the order was placed; absent if it had none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "SHIRT-M-RED")]
    pub sku: Option<String>,
    /// Name of the product, with the values of the options, when the order was placed.
    pub name: String,
    /// Price of one piece when the order was placed, in the currency of the order.
    pub unit_price: Amount,
    /// Number of pieces, at least 1.
    pub quantity: u32,
    /// `unit_price` times `quantity`.
    pub subtotal: Amount,
}

/// An entry in the history of an order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TimelineEntry {
    /// Time of the change (UTC).
    pub at: DateTime<Utc>,
    /// Status of the order since this entry.
    pub status: OrderStatus,
    /// The change in words (English), with the note of an admin or the reason of a cancellation.
    pub note: String,
}

/// A request to order the caller's cart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, ToSchema, Request)]
#[serde(deny_unknown_fields)]
pub struct PlaceOrder {
    /// Address that the order is shipped to.
    #[garde(dive)]
    pub shipping_address: PostalAddress,
}

/// The reply with one order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OrderReply {
    /// The order after the call.
    pub order: Order,
}

/// Filter and page of the caller's orders.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Validate, IntoParams, Request)]
#[serde(deny_unknown_fields)]
pub struct ListOrders {
    /// Number of the page; the first one is 1.
    #[garde(inner(custom(between(1, MAX_PAGE))))]
    #[param(minimum = 1, maximum = 1_000_000, default = 1)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<i64>,
    /// Orders per page, 1 to 100.
    #[garde(inner(custom(between(1, MAX_PER_PAGE))))]
    #[param(minimum = 1, maximum = 100, default = 10)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_page: Option<i64>,
    /// Only orders with this status; all statuses without it.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<OrderStatus>,
}

/// Filter and page of the orders of all customers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Validate, IntoParams, Request)]
#[serde(deny_unknown_fields)]
pub struct ListAllOrders {
    /// Number of the page; the first one is 1.
    #[garde(inner(custom(between(1, MAX_PAGE))))]
    #[param(minimum = 1, maximum = 1_000_000, default = 1)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<i64>,
    /// Orders per page, 1 to 100.
    #[garde(inner(custom(between(1, MAX_PER_PAGE))))]
    #[param(minimum = 1, maximum = 100, default = 10)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_page: Option<i64>,
    /// Only orders with this status; all statuses without it.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<OrderStatus>,
    /// Only orders of this customer; all customers without it.
    #[garde(dive)]
    #[param(value_type = Option<i64>, minimum = 1)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
}

/// A page of orders.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OrderPage {
    /// Orders of this page, the newest first.
    pub orders: Vec<Order>,
    /// Number of this page, and the size of the whole list.
    pub pagination: Pagination,
}

/// A request to cancel an order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Validate, ToSchema, Request)]
#[serde(deny_unknown_fields)]
pub struct CancelOrder {
    /// Reason for the timeline and the mail to the customer, at most 500 characters.
    #[garde(dive)]
    #[serde(default, deserialize_with = "kernel::optional::text")]
    #[schema(value_type = Option<String>, format = "text", max_length = 500)]
    pub reason: Option<Text<500>>,
}

/// A request to pay an order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, ToSchema, Request)]
#[serde(deny_unknown_fields)]
pub struct Pay {
    /// One of the caller's orders, in status `pending`.
    #[garde(dive)]
    pub order_id: OrderId,
    /// A method of the payment provider. The sandbox has `sandbox_success`, `sandbox_declined`, `sandbox_needs_action` and
    /// `sandbox_provider_down`. The number of a payment card is refused here, as in every other text.
    #[garde(dive, custom(no_card))]
    #[schema(value_type = String, format = "line", min_length = 1, max_length = 100, example = "sandbox_success")]
    pub payment_method: Line<100>,
}

/// The reply with one payment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PaymentReply {
    /// The payment after the call.
    pub payment: Payment,
}

/// A request to move an order to its next status.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, ToSchema, Request)]
#[serde(deny_unknown_fields)]
pub struct SetStatus {
    /// The next status: `shipped` after `paid`, `delivered` after `shipped`.
    #[garde(skip)]
    pub status: NextStatus,
    /// Note for the timeline and the mail to the customer, e.g. the number of the parcel; at most 500 characters.
    #[garde(dive)]
    #[serde(default, deserialize_with = "kernel::optional::text")]
    #[schema(value_type = Option<String>, format = "text", max_length = 500)]
    pub note: Option<Text<500>>,
}

/// The statuses that an admin can set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NextStatus {
    /// It is on its way.
    Shipped,
    /// It has arrived.
    Delivered,
}

fn no_card<C>(method: &Line<100>, _: &C) -> garde::Result {
    no_card_number(method)
}
