use crate::PaymentId;
use kernel::{ApiError, Fault};

/// Errors of the payment module.
#[derive(Debug, Clone, PartialEq, thiserror::Error, ApiError)]
#[api(module = "payment")]
pub enum PaymentError {
    /// There is no payment with this id, or it belongs to another user.
    #[error("Payment not found")]
    #[api(not_found)]
    NotFound,
    /// The provider declined the charge.
    #[error("Payment declined: {reason}")]
    #[api(payment_required)]
    Declined {
        /// Id of the failed payment.
        payment_id: PaymentId,
        /// The provider's code of the reason, e.g. `card_declined`.
        reason: String,
    },
    /// The provider could not be reached and charged nothing; try again, or with another method.
    #[error("Payment provider not available")]
    #[api(unavailable)]
    ProviderUnavailable,
    /// The provider has no such payment method.
    #[error("Unknown payment method")]
    #[api(invalid_argument)]
    UnknownMethod,
    /// The attempt exists with another amount, method or payer.
    #[error("This attempt was made with another request")]
    #[api(conflict)]
    AttemptReused,
    /// Another attempt has paid the order.
    #[error("The order is paid already")]
    #[api(conflict)]
    AlreadyPaid,
    /// The status of the payment does not allow the operation.
    #[error("The payment is {status}")]
    #[api(conflict)]
    IllegalState {
        /// Current status of the payment.
        status: String,
    },
    /// The call failed.
    #[error(transparent)]
    #[api(fault)]
    Fault(#[from] Fault),
}
