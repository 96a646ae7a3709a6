use crate::OrderStatus;
use kernel::{Amount, ApiError, Fault};
use product::{ProductId, Shortage, VariantId};
use serde::{Deserialize, Serialize};

/// Errors of the order module.
#[derive(Debug, Clone, PartialEq, thiserror::Error, ApiError)]
#[api(module = "order")]
pub enum OrderError {
    /// There is no order with this id, or it belongs to another user.
    #[error("Order not found")]
    #[api(not_found)]
    NotFound,
    /// There is no payment with this id, or it belongs to another user.
    #[error("Payment not found")]
    #[api(not_found)]
    PaymentNotFound,
    /// The cart is empty.
    #[error("Cart is empty")]
    #[api(invalid_argument)]
    CartEmpty,
    /// A line asks for more pieces than are in stock; nothing was ordered.
    #[error("Insufficient stock: {}", .lines.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))]
    #[api(conflict)]
    OutOfStock {
        /// The lines that ask for too many pieces.
        lines: Vec<Shortage>,
    },
    /// A price has changed since the cart last showed it; nothing was ordered. Read the cart and order again.
    #[error("Prices have changed; look at the cart and order again")]
    #[api(conflict)]
    PriceChanged {
        /// The lines with a changed price.
        lines: Vec<PriceChange>,
    },
    /// The total would be higher than can be paid; nothing was ordered. Order fewer pieces.
    #[error("The order would cost more than can be paid; take fewer pieces")]
    #[api(conflict)]
    TooDear,
    /// The status of the order does not allow the operation.
    #[error("The order is {status}")]
    #[api(conflict)]
    IllegalState {
        /// Current status of the order.
        status: OrderStatus,
    },
    /// Another request is paying or cancelling the order now.
    #[error("Another request is paying this order")]
    #[api(conflict)]
    Busy,
    /// The provider declined the charge; the order can be paid with another method.
    #[error("Payment declined: {reason}")]
    #[api(payment_required)]
    Declined {
        /// The provider's code of the reason, e.g. `card_declined`.
        reason: String,
    },
    /// The payment provider could not be reached and charged nothing; try again, or with another method.
    #[error("Payment provider not available")]
    #[api(unavailable)]
    ProviderUnavailable,
    /// The account was deactivated.
    #[error("Account is deactivated")]
    #[api(permission_denied)]
    Deactivated,
    /// The provider has no such payment method.
    #[error("Unknown payment method")]
    #[api(invalid_argument)]
    UnknownMethod,
    /// The call failed.
    #[error(transparent)]
    #[api(fault)]
    Fault(#[from] Fault),
}

/// A line whose price has changed since the cart last showed it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PriceChange {
    /// Product of the line.
    pub product_id: ProductId,
    /// Variant of the line; absent if the product has no options.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant_id: Option<VariantId>,
    /// Price of one piece that the cart last showed.
    pub seen: Amount,
    /// Current price of one piece.
    pub now: Amount,
}
