//! The implementation of [`PaymentApi`].
//!
//! The provider is asked outside any transaction, between two of them: the first one stores that it will be asked, the second one
//! stores what it answered. Whatever happens in between, the payment stays `processing`, and the same call asks again with the
//! same key.

use crate::{
    ChargeRequest, NextAction, Outcome, Payment, PaymentApi, PaymentError, PaymentFailed, PaymentId, PaymentRequest,
    PaymentStatus, Provider, ProviderError, RefundRequest,
    entity::payment::{ActiveModel, Model, Status},
    store,
};
use kernel::{Ctx, Fault, Money, OrderId, Role, UserId, db::Db, now, outbox};
use sea_orm::Set;
use std::sync::Arc;

/// Payments, on a database and a provider.
#[derive(Clone)]
pub struct Payments {
    pub(crate) db: Db,
    pub(crate) provider: Arc<dyn Provider>,
}

type Result<T> = std::result::Result<T, PaymentError>;

const UNAVAILABLE: &str = "Payment provider not available";

/// Failure reason of an attempt that did not reach the provider.
const NOT_REACHED: &str = "provider_unavailable";

impl PaymentApi for Payments {
    async fn process(&self, cx: &Ctx, order: OrderId, attempt: u32, request: PaymentRequest) -> Result<Payment> {
        let new = self.new_row(order, attempt, request)?;
        if !self.provider.knows(&new.payment_method) {
            return Err(PaymentError::UnknownMethod);
        }
        // another call that came first is found by the second look
        for _ in 0..2 {
            let tx = self.db.begin().await?;
            let (mine, others): (Vec<_>, Vec<_>) =
                store::lock_attempts(&*tx, order, new.attempt).await?.into_iter().partition(|p| p.attempt == new.attempt);
            if let Some(found) = mine.into_iter().next() {
                if !same_request(&found, &new) {
                    return Err(PaymentError::AttemptReused);
                }
                if found.status != Status::Processing {
                    return answer(found);
                }
                let asked = store::ask(&*tx, &found).await?;
                tx.commit().await?;
                return self.ask(cx, asked, Ask::Again).await;
            }
            for other in others {
                match other.status {
                    Status::RequiresAction => {
                        let cancel = ActiveModel { status: Set(Status::Cancelled), ..Default::default() };
                        store::change(&*tx, PaymentId(other.id), other.status, None, cancel).await?;
                    }
                    Status::Succeeded | Status::Refunded => return Err(PaymentError::AlreadyPaid),
                    status => return Err(illegal(status)),
                }
            }
            if store::insert(&*tx, new.clone()).await? {
                tx.commit().await?;
                return self.ask(cx, new, Ask::First).await;
            }
        }
        Err(illegal(Status::Processing))
    }

    async fn confirm(&self, cx: &Ctx, id: PaymentId) -> Result<Payment> {
        let tx = self.db.begin().await?;
        let found = store::lock(&*tx, id).await?.ok_or(PaymentError::NotFound)?;
        let ask = match found.status {
            Status::RequiresAction => Ask::First,
            Status::Processing if found.provider_reference.is_some() => Ask::Again,
            Status::Processing => return Err(illegal(found.status)),
            _ => return answer(found),
        };
        // no longer `requires_action`: another attempt must not cancel it while the provider may be taking the money
        let asked = store::ask(&*tx, &found).await?;
        tx.commit().await?;
        self.ask(cx, asked, ask).await
    }

    async fn refund(&self, _: &Ctx, id: PaymentId) -> Result<Payment> {
        let found = store::payment(self.db.read(), id).await?.ok_or(PaymentError::NotFound)?;
        match found.status {
            Status::Succeeded => {}
            Status::Refunded => return to_payment(found),
            status => return Err(illegal(status)),
        }
        let reference = found.provider_reference.clone();
        let reference = reference.ok_or_else(|| Fault::internal(format_args!("payment {id} has no reference")))?;
        let request = RefundRequest { key: format!("refund-{id}"), reference, amount: money(&found)? };
        self.provider.refund(request).await.map_err(|e| match e {
            ProviderError::NotReached(_) => {
                tracing::warn!(payment = %id, error = %e, "{UNAVAILABLE}");
                PaymentError::ProviderUnavailable
            }
            ProviderError::Unknown(_) => Fault::unavailable(UNAVAILABLE, e).into(),
        })?;
        let change = ActiveModel { status: Set(Status::Refunded), ..Default::default() };
        match store::change(self.db.write(), id, Status::Succeeded, None, change).await? {
            Some(refunded) => to_payment(refunded),
            // another call with the same key came first
            None => store::payment(self.db.read(), id).await?.ok_or(PaymentError::NotFound).and_then(to_payment),
        }
    }

    async fn get(&self, cx: &Ctx, id: PaymentId) -> Result<Payment> {
        let user = cx.user()?;
        let found = store::payment(self.db.read(), id).await?;
        let visible = found.filter(|payment| payment.user_id == user.0 || cx.has_role(Role::Admin));
        visible.ok_or(PaymentError::NotFound).and_then(to_payment)
    }
}

/// Whether the outcome of an earlier, equal call to the provider is unknown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ask {
    First,
    Again,
}

impl Payments {
    /// Stores that the provider has refused, and tells it.
    async fn decline(&self, cx: &Ctx, id: PaymentId, change: ActiveModel, reason: String) -> Result<Option<Model>> {
        let tx = self.db.begin().await?;
        let declined = store::change(&*tx, id, Status::Processing, None, change).await?;
        if let Some(row) = &declined {
            outbox::publish(&tx, cx, &what_failed(row, reason)?).await?;
        }
        tx.commit().await?;
        Ok(declined)
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
            asks: 1,
            provider_reference: None,
            failure_reason: None,
            action_kind: None,
            action_description: None,
            created_at: now,
            updated_at: now,
            version: 1,
        })
    }

    /// Asks the provider to charge, or to go on with what it has a reference for, and stores what it answers.
    ///
    /// A final answer is stored whoever hears it: all calls with one key have the same. Any other is stored only when nobody asked
    /// since, because it may be out of date.
    async fn ask(&self, cx: &Ctx, asked: Model, ask: Ask) -> Result<Payment> {
        let id = PaymentId(asked.id);
        let answered = match &asked.provider_reference {
            None => {
                let key = format!("order-{}-{}", asked.order_id, asked.attempt);
                let request = ChargeRequest { key, amount: money(&asked)?, method: asked.payment_method.clone() };
                self.provider.charge(request).await
            }
            Some(reference) => self.provider.confirm(reference.clone()).await,
        };
        let newest = Some(asked.asks);
        let declined = match &answered {
            Ok(Outcome::Declined { reason }) => Some(reason.clone()),
            _ => None,
        };
        let charged = matches!(answered, Ok(Outcome::Succeeded { .. }));
        let mut not_reached = false;
        let (asks, change) = match answered {
            Ok(Outcome::Succeeded { reference }) => {
                let provider_reference = Set(Some(reference));
                (None, ActiveModel { status: Set(Status::Succeeded), provider_reference, ..Default::default() })
            }
            Ok(Outcome::Declined { reason }) => (None, failed(reason)),
            Ok(Outcome::RequiresAction { reference, next_action }) => {
                let change = ActiveModel {
                    status: Set(Status::RequiresAction),
                    provider_reference: Set(Some(reference)),
                    action_kind: Set(Some(next_action.kind)),
                    action_description: Set(Some(next_action.description)),
                    ..Default::default()
                };
                (newest, change)
            }
            // nobody else has asked, so nothing has happened
            Err(e @ ProviderError::NotReached(_)) if ask == Ask::First => {
                tracing::warn!(payment = %id, error = %e, "{UNAVAILABLE}");
                not_reached = true;
                let back = ActiveModel { status: Set(Status::RequiresAction), ..Default::default() };
                (newest, if asked.provider_reference.is_none() { failed(NOT_REACHED.into()) } else { back })
            }
            Err(e) => return Err(Fault::unavailable(UNAVAILABLE, e).into()),
        };
        let changed = match declined {
            Some(reason) => self.decline(cx, id, change, reason).await?,
            None => store::change(self.db.write(), id, Status::Processing, asks, change).await?,
        };
        match changed {
            Some(_) if not_reached => Err(PaymentError::ProviderUnavailable),
            Some(stored) => answer(stored),
            None => {
                // another call about the same payment came first
                let found = store::payment(self.db.read(), id).await?;
                let found = found.ok_or_else(|| Fault::internal(format_args!("payment {id} vanished")))?;
                if charged && !matches!(found.status, Status::Succeeded | Status::Refunded) {
                    let status = PaymentStatus::from(found.status).as_str();
                    return Err(Fault::internal(format_args!("the provider charged payment {id}, which is {status}")).into());
                }
                answer(found)
            }
        }
    }
}

fn what_failed(row: &Model, reason: String) -> Result<PaymentFailed> {
    let money = money(row)?;
    let (amount, currency) = (money.amount(), money.currency);
    let (payment_id, order_id, user_id) = (PaymentId(row.id), OrderId(row.order_id), UserId(row.user_id));
    Ok(PaymentFailed { payment_id, order_id, user_id, amount, currency, reason, version: row.version })
}

fn failed(reason: String) -> ActiveModel {
    ActiveModel { status: Set(Status::Failed), failure_reason: Set(Some(reason)), ..Default::default() }
}

fn same_request(a: &Model, b: &Model) -> bool {
    let request = |p: &Model| (p.user_id, p.amount_minor, p.currency.clone(), p.payment_method.clone());
    request(a) == request(b)
}

/// What a payment in this state answers to whoever wants it to succeed; the same however often it is asked.
fn answer(found: Model) -> Result<Payment> {
    match (found.status, found.failure_reason.as_deref()) {
        (Status::Succeeded | Status::RequiresAction, _) => to_payment(found),
        (Status::Failed, Some(NOT_REACHED)) => Err(PaymentError::ProviderUnavailable),
        (Status::Failed, reason) => {
            Err(PaymentError::Declined { payment_id: PaymentId(found.id), reason: reason.unwrap_or_default().into() })
        }
        (Status::Processing, _) => {
            Err(Fault::unavailable("The payment is being processed", "another call is asking the provider").into())
        }
        (status @ (Status::Cancelled | Status::Refunded), _) => Err(illegal(status)),
    }
}

fn illegal(status: Status) -> PaymentError {
    PaymentError::IllegalState { status: PaymentStatus::from(status).as_str().into() }
}

fn money(row: &Model) -> Result<Money> {
    let currency = row.currency.parse().map_err(|e| Fault::internal(format_args!("currency of payment {}: {e}", row.id)))?;
    Ok(Money { minor: row.amount_minor, currency })
}

fn to_payment(row: Model) -> Result<Payment> {
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
