//! Refunding a payment. The provider is called before the refund is stored; a repetition calls it with the same key.

use crate::{
    Payment, PaymentError, PaymentId,
    context::{Payments, Result, UNAVAILABLE},
    entity::payment::Status,
    meters::End,
    provider::{ProviderError, RefundRequest},
    rules::illegal,
    store, view,
};
use kernel::Fault;

impl Payments {
    pub(crate) async fn refund_payment(&self, id: PaymentId) -> Result<Payment> {
        let found = store::payment(self.db.read(), id).await?.ok_or(PaymentError::NotFound)?;
        match found.status {
            Status::Succeeded => {}
            Status::Refunded => return view::payment(found),
            status => return Err(illegal(status)),
        }
        let reference = found.provider_reference.clone();
        let reference = reference.ok_or_else(|| Fault::internal(format_args!("payment {id} has no reference")))?;
        let request = RefundRequest { key: format!("refund-{id}"), reference, amount: view::money(&found)? };
        self.provider.refund(request).await.map_err(|e| match e {
            ProviderError::NotReached(_) => {
                tracing::warn!(payment = %id, error = %e, "{UNAVAILABLE}");
                PaymentError::ProviderUnavailable
            }
            ProviderError::Unknown(_) => Fault::unavailable(UNAVAILABLE, e).into(),
        })?;
        match store::set_refunded(self.db.write(), id).await? {
            Some(refunded) => {
                End::Refunded.count(view::money(&refunded)?);
                view::payment(refunded)
            }
            // another call with the same key came first
            None => store::payment(self.db.read(), id).await?.ok_or(PaymentError::NotFound).and_then(view::payment),
        }
    }
}
