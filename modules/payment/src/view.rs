//! Rows as the types of the contract.

use crate::{
    NextAction, Payment, PaymentError, PaymentFailed, PaymentId,
    entity::payment::{Model, NOT_REACHED, Status},
    rules::illegal,
};
use kernel::{Fault, Money, OrderId, UserId};

/// The answer to a call that charges or confirms: the same for every repetition, as long as the payment is in the same state.
pub(crate) fn answer(found: Model) -> Result<Payment, PaymentError> {
    match (found.status, found.failure_reason.as_deref()) {
        (Status::Succeeded | Status::RequiresAction, _) => payment(found),
        (Status::Failed, Some(NOT_REACHED)) => Err(PaymentError::ProviderUnavailable),
        (Status::Failed, reason) => {
            Err(PaymentError::Declined { payment_id: PaymentId(found.id), reason: reason.unwrap_or_default().into() })
        }
        (Status::Processing, _) => {
            Err(Fault::unavailable("The payment is being processed", "another call to the provider is running").into())
        }
        (status @ (Status::Cancelled | Status::Refunded), _) => Err(illegal(status)),
    }
}

pub(crate) fn payment(row: Model) -> Result<Payment, PaymentError> {
    let money = money(&row)?;
    let next_action = match (row.status, row.action_kind, row.action_description) {
        (Status::RequiresAction, Some(kind), Some(description)) => Some(NextAction { kind, description }),
        _ => None,
    };
    Ok(Payment {
        id: PaymentId(row.id),
        order_id: OrderId(row.order_id),
        user_id: UserId(row.user_id),
        amount: money.amount(),
        currency: money.currency,
        status: row.status.into(),
        provider: row.provider,
        payment_method: row.payment_method,
        failure_reason: row.failure_reason,
        next_action,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

pub(crate) fn failed_event(row: &Model, reason: String) -> Result<PaymentFailed, Fault> {
    let money = money(row)?;
    let (amount, currency) = (money.amount(), money.currency);
    let (payment_id, order_id, user_id) = (PaymentId(row.id), OrderId(row.order_id), UserId(row.user_id));
    Ok(PaymentFailed { payment_id, order_id, user_id, amount, currency, reason, version: row.version })
}

pub(crate) fn money(row: &Model) -> Result<Money, Fault> {
    let currency = row.currency.parse().map_err(|e| Fault::internal(format_args!("currency of payment {}: {e}", row.id)))?;
    Ok(Money { minor: row.amount_minor, currency })
}
