use crate::PaymentId;
use kernel::{ApiError, Fault};

/// What can go wrong with payments.
#[derive(Debug, Clone, PartialEq, thiserror::Error, ApiError)]
#[api(module = "payment")]
pub enum PaymentError {
    /// There is no such payment, or it is another user's.
    #[error("Payment not found")]
    #[api(not_found)]
    NotFound,
    /// The provider refused the charge.
    #[error("Payment declined: {reason}")]
    #[api(payment_required)]
    Declined {
        /// The payment that failed.
        payment_id: PaymentId,
        /// The provider's reason, e.g. `card_declined`.
        reason: String,
    },
    /// The provider could not be reached, and so charged nothing; try again, or in another way.
    #[error("Payment provider not available")]
    #[api(unavailable)]
    ProviderUnavailable,
    /// The provider has no such payment method.
    #[error("Unknown payment method")]
    #[api(invalid_argument)]
    UnknownMethod,
    /// The attempt was made before with another amount, method or payer.
    #[error("This attempt was made with another request")]
    #[api(conflict)]
    AttemptReused,
    /// The order has been paid by another attempt.
    #[error("The order is paid already")]
    #[api(conflict)]
    AlreadyPaid,
    /// The payment is in a state that does not allow it.
    #[error("The payment is {status}")]
    #[api(conflict)]
    IllegalState {
        /// The state.
        status: String,
    },
    /// The call failed.
    #[error(transparent)]
    #[api(fault)]
    Fault(#[from] Fault),
}
