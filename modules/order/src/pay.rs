//! Paying a pending order.
//!
//! `pending → charging` is stored, with the number of the attempt, before the payment module is called; the payment module charges an
//! attempt at most once. A known outcome moves the order to `paid` or back to `pending`. When the outcome is not known, the order
//! stays `charging` without a lease, and the client (with the same key) or the job repeats the same attempt.

use crate::{
    OrderError, OrderPaid, OrderStatus, Pay, PaymentReply,
    context::{Orders, Result},
    entity::{
        effect::Kind,
        order::{self, State},
    },
    fault::into_fault,
    meters, ops,
    publish::publish,
    rules::own,
    store::{self, Attempt, NotCharged},
};
use kernel::{
    ApiError, Ctx, Fault, Money, OrderId, UserId,
    chrono::TimeDelta,
    idempotency::{self, Begun, Held, LEASE},
};
use payment::{Payment, PaymentApi, PaymentError, PaymentId, PaymentRequest, PaymentStatus};

/// How long the job waits before it repeats an attempt whose outcome is not known. A client may repeat it at once.
const RETRY_PAUSE: TimeDelta = TimeDelta::seconds(5);

impl Orders {
    pub(crate) async fn pay_order(&self, cx: &Ctx, request: Pay) -> Result<PaymentReply> {
        let (tx, held) = match idempotency::begin(&self.db, cx, ops::PAY, &request).await? {
            Begun::Before(answer) => return answer,
            Begun::Now(tx, held) => (tx, held),
        };
        let now = self.db.now();
        let order = own(cx, store::order(&*tx, request.order_id).await?)?;
        let number = match order.state {
            State::Pending if order.expires_at > now => order.attempt + 1,
            // the client repeats an attempt whose reply was lost
            State::Charging if order.lease_until <= now && order.payment_method.as_deref() == Some(&*request.payment_method) => {
                order.attempt
            }
            State::Charging => return Err(OrderError::Busy),
            State::Pending => return Err(OrderError::IllegalState { status: OrderStatus::Expired }),
            state => return Err(OrderError::IllegalState { status: state.status() }),
        };
        let attempt = Attempt { number, payment_method: request.payment_method.into(), key: held.key().map(str::to_owned) };
        let order = store::charge(&*tx, &order, Some(attempt), now + LEASE).await?.ok_or(OrderError::Busy)?;
        tx.commit().await?;
        self.process_attempt(&cx.without_key(), order, &held, TimeDelta::zero()).await
    }

    /// Repeats the attempt of a stale order, and stores the reply under the client's key unless another request has taken the key over.
    pub(crate) async fn settle_stale_payment(&self, client: &Ctx, order: order::Model) -> Result<PaymentReply> {
        let tx = self.db.begin().await?;
        let held = idempotency::take_over(&self.db, &tx, client, ops::PAY).await?.unwrap_or(Held::nothing());
        tx.commit().await?;
        self.process_attempt(&client.without_key(), order, &held, RETRY_PAUSE).await
    }

    pub(crate) async fn confirm_payment(&self, cx: &Ctx, payment: PaymentId) -> Result<PaymentReply> {
        let tx = self.db.begin().await?;
        let order = store::order_of_payment(&*tx, payment).await?;
        let order = own(cx, order).map_err(|_| OrderError::PaymentNotFound)?;
        let now = self.db.now();
        match order.state {
            State::Pending if order.expires_at > now => {}
            State::Charging if order.lease_until <= now => {}
            // a repetition gets the same answer
            State::Paid | State::Shipped | State::Delivered => {
                drop(tx);
                let payment = self.payment.get(&cx.without_key(), payment).await.map_err(into_fault)?;
                return Ok(PaymentReply { payment });
            }
            State::Charging => return Err(OrderError::Busy),
            state => return Err(OrderError::IllegalState { status: state.status() }),
        }
        let order = store::charge(&*tx, &order, None, now + LEASE).await?.ok_or(OrderError::Busy)?;
        tx.commit().await?;
        let outcome = self.payment.confirm(&cx.without_key(), payment).await;
        self.apply_outcome(&cx.without_key(), order, outcome, &Held::nothing(), TimeDelta::zero()).await
    }

    /// Calls the payment module with the order's attempt, for the first time or again, and stores the outcome. When the outcome is
    /// unknown, the attempt may be repeated after the pause.
    async fn process_attempt(&self, cx: &Ctx, order: order::Model, held: &Held, pause: TimeDelta) -> Result<PaymentReply> {
        let currency = order.currency.parse().map_err(|_| Fault::internal("an order without a currency"))?;
        let request = PaymentRequest {
            user_id: UserId(order.user_id),
            amount: Money { minor: order.total_minor, currency }.amount(),
            currency,
            payment_method: order.payment_method.as_deref().unwrap_or_default().into(),
        };
        let attempt = u32::try_from(order.attempt).unwrap_or_default();
        let outcome = self.payment.process(cx, OrderId(order.id), attempt, request).await;
        self.apply_outcome(cx, order, outcome, held, pause).await
    }

    async fn apply_outcome(
        &self,
        cx: &Ctx,
        order: order::Model,
        outcome: std::result::Result<Payment, PaymentError>,
        held: &Held,
        pause: TimeDelta,
    ) -> Result<PaymentReply> {
        match outcome {
            Ok(payment) if payment.status == PaymentStatus::Succeeded => self.set_paid(cx, order, payment, held).await,
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

    async fn set_paid(&self, cx: &Ctx, order: order::Model, payment: Payment, held: &Held) -> Result<PaymentReply> {
        let id = payment.id;
        let reply = PaymentReply { payment };
        let tx = self.db.begin().await?;
        held.finish(&tx, &reply).await?;
        // none: another call processed the same attempt at the same time, with the same outcome
        let paid = store::set_paid(&*tx, order.id, id).await?;
        if let Some(order) = &paid {
            publish::<OrderPaid>(&tx, cx, order, None).await?;
            store::add_to_timelines(&*tx, &[order.id], State::Paid, "Payment received").await?;
            store::add_effect(&*tx, &[order.id], Kind::CommitStock, self.effect_claim_end()).await?;
            meters::count(&tx, OrderStatus::Paid, 1);
        }
        tx.commit().await?;
        if let Some(order) = paid {
            self.start_effect(cx, order, Kind::CommitStock).await;
        }
        Ok(reply)
    }

    async fn declined(&self, order: &order::Model, reason: String, held: &Held) -> Result<PaymentReply> {
        let note = format!("Payment declined: {reason}");
        self.back_to_pending(order, &note, Err(OrderError::Declined { reason }), held).await
    }

    /// Stores that nothing was charged. The answer is stored under the key, unless a retry of the client can have another outcome.
    async fn back_to_pending(
        &self,
        order: &order::Model,
        note: &str,
        answer: Result<PaymentReply>,
        held: &Held,
    ) -> Result<PaymentReply> {
        let tx = self.db.begin().await?;
        let mut end = NotCharged::default();
        match &answer {
            Ok(reply) => {
                end.payment = Some(reply.payment.id);
                held.finish(&tx, reply).await?;
            }
            Err(OrderError::ProviderUnavailable) => held.abandon(&tx).await?,
            Err(refusal) => {
                // no provider has this method: it may be any secret text, which is not stored
                end.forget_method = *refusal == OrderError::UnknownMethod;
                held.refuse(&tx, &refusal.clone().into_problem()).await?;
            }
        }
        if store::set_not_charged(&*tx, order.id, end).await?.is_some() {
            store::add_to_timelines(&*tx, &[order.id], State::Pending, note).await?;
        }
        tx.commit().await?;
        answer
    }
}
