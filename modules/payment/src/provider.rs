//! What a provider of payments must do. To add one: implement [`Provider`] and name it in `start.rs`.

use crate::NextAction;
use kernel::{BoxFuture, Money};

/// Who moves the money.
///
/// Every call that moves money carries a key. A provider must take calls with the same key for the same call: it moves money once,
/// and answers again what it answered before. The module relies on that when it does not know what became of a call.
pub trait Provider: Send + Sync + 'static {
    /// Its name, as shown in payments; at most 32 characters.
    fn name(&self) -> &'static str;

    /// Whether it has this payment method. Asked before anything is stored.
    fn knows(&self, method: &str) -> bool;

    /// Takes money, or begins to. No money moves while an action is required, and none before [`Provider::confirm`].
    fn charge(&self, request: ChargeRequest) -> BoxFuture<Result<Outcome, ProviderError>>;

    /// Goes on with a charge that required an action. Repeatable: the reference is its key.
    fn confirm(&self, reference: String) -> BoxFuture<Result<Outcome, ProviderError>>;

    /// Gives the money of a charge back.
    fn refund(&self, request: RefundRequest) -> BoxFuture<Result<(), ProviderError>>;
}

/// A charge that a provider is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChargeRequest {
    /// The same for every repetition of this charge, and for no other charge.
    pub key: String,
    /// How much; may be nothing.
    pub amount: Money,
    /// A method that the provider knows.
    pub method: String,
}

/// A refund that a provider is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundRequest {
    /// The same for every repetition of this refund, and for no other refund.
    pub key: String,
    /// The provider's reference of the charge.
    pub reference: String,
    /// How much: all of the charge.
    pub amount: Money,
}

/// What became of a charge.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// The money was taken.
    Succeeded {
        /// The provider's name for the charge, at most 255 characters.
        reference: String,
    },
    /// The payer must do something first.
    RequiresAction {
        /// The provider's name for the charge, at most 255 characters.
        reference: String,
        /// What.
        next_action: NextAction,
    },
    /// The provider refused; no money was taken, and none will be.
    Declined {
        /// Why, for programs, e.g. `card_declined`.
        reason: String,
    },
}

/// Why a provider did not answer. The texts go to the log only.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// The call did not reach the provider, and so moved no money: a refused connection.
    #[error("not reached: {0}")]
    NotReached(String),
    /// The call may have reached the provider: a time-out, a lost connection, an answer that cannot be read. When in doubt, this.
    #[error("outcome unknown: {0}")]
    Unknown(String),
}
