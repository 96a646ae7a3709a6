//! Paying a pending order.
//!
//! `pending → charging` is stored, with the number of the attempt, before the payment module is asked; it charges an attempt at most
//! once. A known outcome moves the order to `paid` or back to `pending`. When the outcome is not known the order stays `charging`
//! without a lease, and whoever comes first asks again about the same attempt: the client with the same key, or the job.

use crate::{
    OrderError, OrderPaid, Pay, PaymentReply,
    checkout::into_fault,
    entity::{
        effect::Kind,
        order::{self, State},
    },
    ops,
    service::{Orders, Result, visible},
    store,
    tell::tell,
};
use kernel::{
    ApiError, Ctx, Fault, Money, OrderId, UserId,
    chrono::TimeDelta,
    idempotency::{self, Begun, Held, LEASE},
};
use payment::{Payment, PaymentApi, PaymentError, PaymentId, PaymentRequest, PaymentStatus};
use sea_orm::Set;

/// How long the job waits before it asks again about a payment whose outcome is not known. A client may ask at once.
const PAUSE: TimeDelta = TimeDelta::seconds(5);

impl Orders {
    pub(crate) async fn pay_order(&self, cx: &Ctx, request: Pay) -> Result<PaymentReply> {
        let (tx, held) = match idempotency::begin(&self.db, cx, ops::PAY, &request).await? {
            Begun::Before(answer) => return answer,
            Begun::Now(tx, held) => (tx, held),
        };
        let now = self.db.now();
        let order = own(cx, store::order(&*tx, request.order_id).await?)?;
        let attempt = match order.state {
            State::Pending if order.expires_at > now => order.attempt + 1,
            // the same question again, after an answer that got lost
            State::Charging if order.lease_until <= now && order.payment_method.as_deref() == Some(&*request.payment_method) => {
                order.attempt
            }
            State::Charging => return Err(OrderError::Busy),
            State::Pending => return Err(OrderError::IllegalState { status: crate::OrderStatus::Expired }),
            state => return Err(OrderError::IllegalState { status: state.status() }),
        };
        let change = order::ActiveModel {
            attempt: Set(attempt),
            payment_method: Set(Some(request.payment_method.into())),
            payment_key: Set(held.key().map(str::to_owned)),
            lease_until: Set(now + LEASE),
            ..Default::default()
        };
        let order = store::charge(&*tx, &order, change).await?.ok_or(OrderError::Busy)?;
        tx.commit().await?;
        self.ask(&cx.without_key(), order, &held, TimeDelta::zero()).await
    }

    /// Finds out how a payment ended whose request is gone, and answers the client's key, unless another request with it does.
    pub(crate) async fn settle_payment(&self, client: &Ctx, order: order::Model) -> Result<PaymentReply> {
        let tx = self.db.begin().await?;
        let held = idempotency::take_over(&self.db, &tx, client, ops::PAY).await?.unwrap_or(Held::nothing());
        tx.commit().await?;
        self.ask(&client.without_key(), order, &held, PAUSE).await
    }

    pub(crate) async fn confirm_payment(&self, cx: &Ctx, payment: PaymentId) -> Result<PaymentReply> {
        let tx = self.db.begin().await?;
        let order = store::order_of_payment(&*tx, payment).await?;
        let order = own(cx, order).map_err(|_| OrderError::PaymentNotFound)?;
        let now = self.db.now();
        match order.state {
            State::Pending if order.expires_at > now => {}
            State::Charging if order.lease_until <= now => {}
            // said before: the answer of then
            State::Paid | State::Shipped | State::Delivered => {
                drop(tx);
                let payment = self.payment.get(&cx.without_key(), payment).await.map_err(into_fault)?;
                return Ok(PaymentReply { payment });
            }
            State::Charging => return Err(OrderError::Busy),
            state => return Err(OrderError::IllegalState { status: state.status() }),
        }
        let change = order::ActiveModel { lease_until: Set(now + LEASE), ..Default::default() };
        let order = store::charge(&*tx, &order, change).await?.ok_or(OrderError::Busy)?;
        tx.commit().await?;
        let outcome = self.payment.confirm(&cx.without_key(), payment).await;
        self.settle(&cx.without_key(), order, outcome, &Held::nothing(), TimeDelta::zero()).await
    }

    /// Asks the payment module about the order's attempt, for the first time or again, and stores what it answers. When it does not
    /// know, anybody may ask again after the pause.
    async fn ask(&self, cx: &Ctx, order: order::Model, held: &Held, pause: TimeDelta) -> Result<PaymentReply> {
        let currency = order.currency.parse().map_err(|_| Fault::internal("an order without a currency"))?;
        let request = PaymentRequest {
            user_id: UserId(order.user_id),
            amount: Money { minor: order.total_minor, currency }.amount(),
            currency,
            payment_method: order.payment_method.as_deref().unwrap_or_default().into(),
        };
        let attempt = u32::try_from(order.attempt).unwrap_or_default();
        let outcome = self.payment.process(cx, OrderId(order.id), attempt, request).await;
        self.settle(cx, order, outcome, held, pause).await
    }

    async fn settle(
        &self,
        cx: &Ctx,
        order: order::Model,
        outcome: std::result::Result<Payment, PaymentError>,
        held: &Held,
        pause: TimeDelta,
    ) -> Result<PaymentReply> {
        match outcome {
            Ok(payment) if payment.status == PaymentStatus::Succeeded => self.paid(cx, order, payment, held).await,
            Ok(payment) if payment.status == PaymentStatus::RequiresAction => {
                let note = "Payment needs an action of the payer";
                self.back_to_pending(&order, note, Ok(PaymentReply { payment }), held).await
            }
            Ok(payment) => {
                let reason = payment.failure_reason.unwrap_or_else(|| payment.status.as_str().into());
                self.declined(&order, reason, held).await
            }
            Err(PaymentError::Declined { reason, .. }) => self.declined(&order, reason, held).await,
            Err(PaymentError::ProviderUnavailable) => {
                let answer = Err(OrderError::ProviderUnavailable);
                self.back_to_pending(&order, "Payment provider not available", answer, held).await
            }
            Err(PaymentError::UnknownMethod) => {
                self.back_to_pending(&order, "Unknown payment method", Err(OrderError::UnknownMethod), held).await
            }
            Err(other) => {
                let error = match other {
                    // another attempt of this order is not settled yet
                    PaymentError::AlreadyPaid | PaymentError::IllegalState { .. } => OrderError::Busy,
                    other => into_fault(other).into(),
                };
                let tx = self.db.begin().await?;
                held.release(&tx).await?;
                store::end_lease(&*tx, &order, self.db.now() + pause).await?;
                tx.commit().await?;
                Err(error)
            }
        }
    }

    async fn paid(&self, cx: &Ctx, order: order::Model, payment: Payment, held: &Held) -> Result<PaymentReply> {
        let change = order::ActiveModel { payment_id: Set(Some(payment.id.0)), ..Default::default() };
        let reply = PaymentReply { payment };
        let tx = self.db.begin().await?;
        held.finish(&tx, &reply).await?;
        // none: someone else asked about the same attempt at the same time, and was told the same
        let paid = store::advance(&*tx, order.id, State::Charging, State::Paid, change).await?;
        if let Some(order) = &paid {
            tell::<OrderPaid>(&tx, cx, order, None).await?;
            store::note(&*tx, &[order.id], State::Paid, "Payment received").await?;
            store::add_effect(&*tx, &[order.id], Kind::CommitStock, self.own_effects_due()).await?;
        }
        tx.commit().await?;
        if let Some(order) = paid {
            self.begin_effects(cx, order, Kind::CommitStock).await;
        }
        Ok(reply)
    }

    async fn declined(&self, order: &order::Model, reason: String, held: &Held) -> Result<PaymentReply> {
        let note = format!("Payment declined: {reason}");
        self.back_to_pending(order, &note, Err(OrderError::Declined { reason }), held).await
    }

    /// Nothing was charged. The answer is kept under the key, unless it is one that may be another when the client tries again.
    async fn back_to_pending(
        &self,
        order: &order::Model,
        note: &str,
        answer: Result<PaymentReply>,
        held: &Held,
    ) -> Result<PaymentReply> {
        let tx = self.db.begin().await?;
        let mut change = order::ActiveModel::default();
        match &answer {
            Ok(reply) => {
                change.payment_id = Set(Some(reply.payment.id.0));
                held.finish(&tx, reply).await?;
            }
            Err(OrderError::ProviderUnavailable) => held.abandon(&tx).await?,
            Err(refusal) => {
                // whatever it was, it is nothing that a provider knows, and nothing that we keep
                if *refusal == OrderError::UnknownMethod {
                    change.payment_method = Set(None);
                }
                held.refuse(&tx, &refusal.clone().into_problem()).await?;
            }
        }
        if store::advance(&*tx, order.id, State::Charging, State::Pending, change).await?.is_some() {
            store::note(&*tx, &[order.id], State::Pending, note).await?;
        }
        tx.commit().await?;
        answer
    }
}

/// The order, if it is the caller's own: nobody pays for others.
fn own(cx: &Ctx, row: Option<order::Model>) -> Result<order::Model> {
    let user = cx.user()?;
    visible(cx, row).and_then(|row| if row.user_id == user.0 { Ok(row) } else { Err(OrderError::NotFound) })
}
