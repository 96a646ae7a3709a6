use garde::Validate;
use kernel::{
    Amount, Currency, MAX_PAGE, MAX_PER_PAGE, OrderId, Pagination, Request, UserId,
    chrono::{DateTime, Utc},
    rules::between,
    text::{Line, Text, no_card_number},
};
use payment::{Payment, PaymentId};
use product::ProductId;
use serde::{Deserialize, Serialize};
use std::fmt;
use user::PostalAddress;
use utoipa::{IntoParams, ToSchema};

/// An order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Order {
    /// Its id.
    pub id: OrderId,
    /// The number that people use.
    #[schema(example = "S-00000042")]
    pub number: String,
    /// Whose it is.
    pub user_id: UserId,
    /// How far it is.
    pub status: OrderStatus,
    /// The lines, sorted by product.
    pub items: Vec<OrderItem>,
    /// Sum of the lines.
    pub subtotal: Amount,
    /// What is to be paid.
    pub total: Amount,
    /// Currency of all amounts.
    pub currency: Currency,
    /// Where it goes.
    pub shipping_address: PostalAddress,
    /// The payment that paid it or is under way, if any.
    pub payment_id: Option<PaymentId>,
    /// When it was placed.
    pub placed_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// When it expires unless it is paid before; none once it cannot expire any more.
    pub expires_at: Option<DateTime<Utc>>,
    /// What happened to it, the oldest first.
    pub timeline: Vec<TimelineEntry>,
}

/// How far an order is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// Its stock is held; it awaits payment.
    Pending,
    /// It is paid and its stock is sold.
    Paid,
    /// It is on its way.
    Shipped,
    /// It has arrived.
    Delivered,
    /// It was cancelled. If it had been paid, the refund is under way.
    Cancelled,
    /// It was not paid in time.
    Expired,
    /// It was cancelled after it was paid, and the money was given back.
    Refunded,
}

impl OrderStatus {
    /// Its name on JSON and in the store.
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

/// A line of an order, with the name and price that it was placed with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OrderItem {
    /// Which product.
    pub product_id: ProductId,
    /// Its name.
    pub name: String,
    /// Price of one piece.
    pub unit_price: Amount,
    /// How many pieces.
    pub quantity: u32,
    /// Price of all pieces.
    pub subtotal: Amount,
}

/// Something that happened to an order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TimelineEntry {
    /// When.
    pub at: DateTime<Utc>,
    /// The status from then on.
    pub status: OrderStatus,
    /// What, in words.
    pub note: String,
}

/// A request to order the caller's cart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, ToSchema, Request)]
#[serde(deny_unknown_fields)]
pub struct PlaceOrder {
    /// Where it goes.
    #[garde(dive)]
    pub shipping_address: PostalAddress,
}

/// One order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OrderReply {
    /// The order.
    pub order: Order,
}

/// Which orders to list.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Validate, IntoParams, Request)]
#[serde(deny_unknown_fields)]
pub struct ListOrders {
    /// Page, from 1.
    #[garde(inner(custom(between(1, MAX_PAGE))))]
    #[param(minimum = 1, maximum = 1_000_000, default = 1)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<i64>,
    /// Orders on a page, 1 to 100.
    #[garde(inner(custom(between(1, MAX_PER_PAGE))))]
    #[param(minimum = 1, maximum = 100, default = 10)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_page: Option<i64>,
    /// Only orders with this status.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<OrderStatus>,
}

/// Which of everyone's orders to list.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Validate, IntoParams, Request)]
#[serde(deny_unknown_fields)]
pub struct ListAllOrders {
    /// Page, from 1.
    #[garde(inner(custom(between(1, MAX_PAGE))))]
    #[param(minimum = 1, maximum = 1_000_000, default = 1)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<i64>,
    /// Orders on a page, 1 to 100.
    #[garde(inner(custom(between(1, MAX_PER_PAGE))))]
    #[param(minimum = 1, maximum = 100, default = 10)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_page: Option<i64>,
    /// Only orders with this status.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<OrderStatus>,
    /// Only orders of this user.
    #[garde(dive)]
    #[param(value_type = Option<i64>, minimum = 1)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
}

/// A page of orders.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OrderPage {
    /// The orders.
    pub orders: Vec<Order>,
    /// Where in the list the page is.
    pub pagination: Pagination,
}

/// Why an order is cancelled.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Validate, ToSchema, Request)]
#[serde(deny_unknown_fields)]
pub struct CancelOrder {
    /// The reason, at most 500 characters; kept in the timeline.
    #[garde(dive)]
    #[serde(default, deserialize_with = "kernel::optional::text")]
    #[schema(value_type = Option<String>, max_length = 500)]
    pub reason: Option<Text<500>>,
}

/// How an order is paid.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, ToSchema, Request)]
#[serde(deny_unknown_fields)]
pub struct Pay {
    /// Which order.
    #[garde(dive)]
    pub order_id: OrderId,
    /// A method of the payment provider. The sandbox has `sandbox_success`, `sandbox_declined`, `sandbox_needs_action` and
    /// `sandbox_provider_down`. The number of a card is none: nothing that looks like one is taken, here or in any other text.
    #[garde(dive, custom(no_card))]
    #[schema(value_type = String, min_length = 1, max_length = 100, example = "sandbox_success")]
    pub payment_method: Line<100>,
}

/// One payment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PaymentReply {
    /// The payment.
    pub payment: Payment,
}

/// A status to which an admin moves an order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, ToSchema, Request)]
#[serde(deny_unknown_fields)]
pub struct SetStatus {
    /// `shipped` or `delivered`.
    #[garde(skip)]
    pub status: NextStatus,
    /// E.g. the number of the parcel, at most 500 characters; kept in the timeline.
    #[garde(dive)]
    #[serde(default, deserialize_with = "kernel::optional::text")]
    #[schema(value_type = Option<String>, max_length = 500)]
    pub note: Option<Text<500>>,
}

/// The statuses to which an admin moves orders.
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
