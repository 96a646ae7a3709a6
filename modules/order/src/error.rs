use crate::OrderStatus;
use kernel::{Amount, ApiError, Fault};
use product::{ProductId, Shortage};
use serde::{Deserialize, Serialize};

/// What can go wrong with orders.
#[derive(Debug, Clone, PartialEq, thiserror::Error, ApiError)]
#[api(module = "order")]
pub enum OrderError {
    /// There is no such order, or it is another user's.
    #[error("Order not found")]
    #[api(not_found)]
    NotFound,
    /// There is no such payment, or it is another user's.
    #[error("Payment not found")]
    #[api(not_found)]
    PaymentNotFound,
    /// The cart is empty.
    #[error("Cart is empty")]
    #[api(invalid_argument)]
    CartEmpty,
    /// Some line asks for more than is left; nothing was ordered.
    #[error("Insufficient stock: {}", .lines.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))]
    #[api(conflict)]
    OutOfStock {
        /// The lines that ask for too much.
        lines: Vec<Shortage>,
    },
    /// Some price is another than the cart last showed; nothing was ordered. Look at the cart and order again.
    #[error("Prices have changed; look at the cart and order again")]
    #[api(conflict)]
    PriceChanged {
        /// The lines whose price is another.
        lines: Vec<PriceChange>,
    },
    /// The order would cost more than can be paid; nothing was ordered. Take fewer pieces.
    #[error("The order would cost more than can be paid; take fewer pieces")]
    #[api(conflict)]
    TooDear,
    /// The order is in a state that does not allow it.
    #[error("The order is {status}")]
    #[api(conflict)]
    IllegalState {
        /// The state.
        status: OrderStatus,
    },
    /// Another request is paying or cancelling the order now.
    #[error("Another request is paying this order")]
    #[api(conflict)]
    Busy,
    /// The provider refused the charge; the order can be paid in another way.
    #[error("Payment declined: {reason}")]
    #[api(payment_required)]
    Declined {
        /// The provider's reason, e.g. `card_declined`.
        reason: String,
    },
    /// The payment provider could not be reached, and so charged nothing; try again, or in another way.
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

/// A line whose price is another than the cart last showed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PriceChange {
    /// Which product.
    pub product_id: ProductId,
    /// The price that the cart last showed.
    pub seen: Amount,
    /// The price of now.
    pub now: Amount,
}
