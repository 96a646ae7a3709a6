//! The contract of payment providers. To add one: implement [`Provider`] and name it in `start.rs`.

use crate::NextAction;
use kernel::{BoxFuture, Money};

/// A service that moves money.
///
/// Every call that moves money carries a key. A provider must treat calls with the same key as one call: it moves money once, and
/// repeats its first answer. The module relies on that when the outcome of a call is unknown.
pub trait Provider: Send + Sync + 'static {
    /// The name of the provider, as shown in payments; at most 32 characters.
    fn name(&self) -> &'static str;

    /// Whether the provider has this payment method. It is called before anything is stored.
    fn knows(&self, method: &str) -> bool;

    /// Takes money, or requires an action of the payer first: then no money moves before [`Provider::confirm`].
    fn charge(&self, request: ChargeRequest) -> BoxFuture<Result<Outcome, ProviderError>>;

    /// Completes a charge that required an action. The reference is the key of this call.
    fn confirm(&self, reference: String) -> BoxFuture<Result<Outcome, ProviderError>>;

    /// Gives the money of a charge back.
    fn refund(&self, request: RefundRequest) -> BoxFuture<Result<(), ProviderError>>;
}

/// A request to charge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChargeRequest {
    /// The same for every repetition of this charge, and for no other charge.
    pub key: String,
    /// The amount to take; may be 0.
    pub amount: Money,
    /// A payment method of the provider.
    pub method: String,
}

/// A request to refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundRequest {
    /// The same for every repetition of this refund, and for no other refund.
    pub key: String,
    /// The provider's reference of the charge.
    pub reference: String,
    /// The whole amount of the charge.
    pub amount: Money,
}

/// The outcome of a charge.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// The money was taken.
    Succeeded {
        /// The provider's reference of the charge, at most 255 characters.
        reference: String,
    },
    /// No money was taken; the payer must do something first.
    RequiresAction {
        /// The provider's reference of the charge, at most 255 characters.
        reference: String,
        /// The action of the payer.
        next_action: NextAction,
    },
    /// The provider refused; no money was taken, and none will be.
    Declined {
        /// The reason as a code, e.g. `card_declined`.
        reason: String,
    },
}

/// A call without an answer of the provider. The texts are logged only.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// The call did not reach the provider, and so moved no money: a refused connection.
    #[error("not reached: {0}")]
    NotReached(String),
    /// The call may have reached the provider: a time-out, a lost connection, an unreadable answer. Use this when in doubt.
    #[error("outcome unknown: {0}")]
    Unknown(String),
}
