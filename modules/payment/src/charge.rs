//! Charging an order: the first call of an attempt, its repetitions, and its confirmation by the payer.
//!
//! The provider is called outside any transaction, between two of them: the first one stores that a call begins, the second one stores
//! its outcome. Whatever happens in between, the payment stays `processing`, and the same operation repeats the call with the same key.

use crate::{
    Payment, PaymentError, PaymentId, PaymentRequest, PaymentStatus,
    context::{Payments, Result, UNAVAILABLE},
    entity::payment::{Model, Status},
    meters::End,
    provider::{ChargeRequest, Outcome, ProviderError},
    rules::{illegal, is_same_request},
    store, view,
};
use kernel::{Ctx, Fault, OrderId, now, outbox};

/// Whether an earlier, equal call to the provider may have had an effect.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Call {
    First,
    Repeated,
}

impl Payments {
    pub(crate) async fn process_attempt(
        &self,
        cx: &Ctx,
        order: OrderId,
        attempt: u32,
        request: PaymentRequest,
    ) -> Result<Payment> {
        let new = self.new_row(order, attempt, request)?;
        if !self.provider.knows(&new.payment_method) {
            return Err(PaymentError::UnknownMethod);
        }
        // an attempt that was inserted in between is found in the second round
        for _ in 0..2 {
            let tx = self.db.begin().await?;
            let (same, others): (Vec<_>, Vec<_>) =
                store::lock_attempts(&*tx, order, new.attempt).await?.into_iter().partition(|p| p.attempt == new.attempt);
            if let Some(found) = same.into_iter().next() {
                if !is_same_request(&found, &new) {
                    return Err(PaymentError::AttemptReused);
                }
                if found.status != Status::Processing {
                    return view::answer(found);
                }
                let called = store::begin_call(&*tx, &found).await?;
                tx.commit().await?;
                return self.call_provider(cx, called, Call::Repeated).await;
            }
            for other in others {
                match other.status {
                    Status::RequiresAction => store::cancel(&*tx, PaymentId(other.id)).await?,
                    Status::Succeeded | Status::Refunded => return Err(PaymentError::AlreadyPaid),
                    status => return Err(illegal(status)),
                }
            }
            if store::insert(&*tx, new.clone()).await? {
                tx.commit().await?;
                return self.call_provider(cx, new, Call::First).await;
            }
        }
        Err(illegal(Status::Processing))
    }

    pub(crate) async fn confirm_payment(&self, cx: &Ctx, id: PaymentId) -> Result<Payment> {
        let tx = self.db.begin().await?;
        let found = store::lock(&*tx, id).await?.ok_or(PaymentError::NotFound)?;
        let call = match found.status {
            Status::RequiresAction => Call::First,
            Status::Processing if found.provider_reference.is_some() => Call::Repeated,
            Status::Processing => return Err(illegal(found.status)),
            _ => return view::answer(found),
        };
        // no longer `requires_action`: another attempt must not cancel it while the provider may be taking the money
        let called = store::begin_call(&*tx, &found).await?;
        tx.commit().await?;
        self.call_provider(cx, called, call).await
    }

    fn new_row(&self, order: OrderId, attempt: u32, request: PaymentRequest) -> Result<Model> {
        let currency = request.currency;
        let amount = request.amount.in_currency(currency).ok_or_else(|| {
            Fault::invalid("/amount", format!("must have at most {} decimals, as {currency} has", currency.decimals()))
        })?;
        let now = now();
        Ok(Model {
            id: uuid::Uuid::now_v7(),
            order_id: order.0,
            attempt: attempt.into(),
            user_id: request.user_id.0,
            amount_minor: amount.minor,
            currency: currency.to_string(),
            status: Status::Processing,
            provider: self.provider.name().into(),
            payment_method: request.payment_method.into(),
            calls: 1,
            provider_reference: None,
            failure_reason: None,
            action_kind: None,
            action_description: None,
            created_at: now,
            updated_at: now,
            version: 1,
        })
    }

    /// Calls the provider to charge, or to confirm a charge that has a reference, and stores the outcome.
    ///
    /// A final outcome is always stored: all calls with one key have the same. Any other is stored only if no later call has begun,
    /// because it may be out of date.
    async fn call_provider(&self, cx: &Ctx, called: Model, call: Call) -> Result<Payment> {
        let (id, db) = (PaymentId(called.id), self.db.write());
        let outcome = match &called.provider_reference {
            None => {
                let key = format!("order-{}-{}", called.order_id, called.attempt);
                let request = ChargeRequest { key, amount: view::money(&called)?, method: called.payment_method.clone() };
                self.provider.charge(request).await
            }
            Some(reference) => self.provider.confirm(reference.clone()).await,
        };
        let is_charged = matches!(outcome, Ok(Outcome::Succeeded { .. }));
        let stored = match outcome {
            Ok(Outcome::Succeeded { reference }) => store::set_succeeded(db, id, reference).await?,
            Ok(Outcome::Declined { reason }) => self.set_declined(cx, id, reason).await?,
            Ok(Outcome::RequiresAction { reference, next_action }) => {
                store::set_requires_action(db, &called, reference, next_action).await?
            }
            // no other call was made, so nothing was charged
            Err(e @ ProviderError::NotReached(_)) if call == Call::First => {
                tracing::warn!(payment = %id, error = %e, "{UNAVAILABLE}");
                match store::set_not_reached(db, &called).await? {
                    Some(stored) => {
                        End::NotReached.count(view::money(&stored)?);
                        return Err(PaymentError::ProviderUnavailable);
                    }
                    None => None,
                }
            }
            Err(e) => return Err(Fault::unavailable(UNAVAILABLE, e).into()),
        };
        match stored {
            Some(stored) => {
                match stored.status {
                    Status::Succeeded => End::Succeeded.count(view::money(&stored)?),
                    Status::Failed => End::Declined.count(view::money(&stored)?),
                    _ => {}
                }
                view::answer(stored)
            }
            None => self.answer_of_other_call(id, is_charged).await,
        }
    }

    /// Stores that the provider declined the charge, and publishes it.
    async fn set_declined(&self, cx: &Ctx, id: PaymentId, reason: String) -> Result<Option<Model>> {
        let tx = self.db.begin().await?;
        let declined = store::set_declined(&*tx, id, reason.clone()).await?;
        if let Some(row) = &declined {
            outbox::publish(&tx, cx, &view::failed_event(row, reason)?).await?;
        }
        tx.commit().await?;
        Ok(declined)
    }

    /// The answer of another call about the same payment, which has stored its outcome first.
    async fn answer_of_other_call(&self, id: PaymentId, is_charged: bool) -> Result<Payment> {
        let found = store::payment(self.db.read(), id).await?;
        let found = found.ok_or_else(|| Fault::internal(format_args!("payment {id} vanished")))?;
        if is_charged && !matches!(found.status, Status::Succeeded | Status::Refunded) {
            let status = PaymentStatus::from(found.status).as_str();
            return Err(Fault::internal(format_args!("the provider charged payment {id}, which is {status}")).into());
        }
        view::answer(found)
    }
}
