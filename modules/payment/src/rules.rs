//! Rules of payments that need no store and no provider.

use crate::{
    PaymentError, PaymentStatus,
    entity::payment::{Model, Status},
};

/// Whether two requests for the same attempt ask for the same charge.
pub(crate) fn is_same_request(a: &Model, b: &Model) -> bool {
    let request = |p: &Model| (p.user_id, p.amount_minor, p.currency.clone(), p.payment_method.clone());
    request(a) == request(b)
}

pub(crate) fn illegal(status: Status) -> PaymentError {
    PaymentError::IllegalState { status: PaymentStatus::from(status).as_str().into() }
}
