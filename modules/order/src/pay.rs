//! Paying a pending order.
//!
//! `pending → charging` is stored, with the number of the attempt, before the payment module is asked; it charges an attempt at most
//! once. A known outcome moves the order to `paid` or back to `pending`. When the outcome is not known the order stays `charging`
//! without a lease, and whoever comes first asks again about the same attempt: the client with the same key, or the job.

use crate::{
    OrderError, OrderPaid, Pay, PaymentReply,
    checkout::{LEASE, into_fault},
    entity::{
        effect::Kind,
        order::{self, State},
    },
    ops,
    service::{Orders, Result, visible},
    store,
    tell::tell,
};
use kernel::{Ctx, Fault, Money, Op, OrderId, Role, UserId, idempotency, now};
use payment::{Payment, PaymentApi, PaymentError, PaymentId, PaymentRequest, PaymentStatus};
use sea_orm::Set;

/// The client's call, and the operation under which its key is kept; none when there is no key to answer.
type Asked<'a> = Option<(&'a Ctx, &'static Op)>;

impl Orders {
    pub(crate) async fn pay_order(&self, cx: &Ctx, request: Pay) -> Result<PaymentReply> {
        let tx = self.db.begin().await?;
        if let Some(reply) = idempotency::begin(&tx, cx, ops::PAY, &request).await? {
            return Ok(reply);
        }
        let order = own(cx, store::order(&*tx, request.order_id).await?)?;
        let attempt = match order.state {
            State::Pending if order.expires_at > now() => order.attempt + 1,
            // the same question again, after an answer that got lost
            State::Charging if order.lease_until <= now() && order.payment_method.as_ref() == Some(&request.payment_method) => {
                order.attempt
            }
            State::Charging => return Err(OrderError::Busy),
            State::Pending => return Err(OrderError::IllegalState { status: crate::OrderStatus::Expired }),
            state => return Err(OrderError::IllegalState { status: state.status() }),
        };
        let change = order::ActiveModel {
            attempt: Set(attempt),
            payment_method: Set(Some(request.payment_method)),
            payment_key: Set(cx.idempotency_key().map(str::to_owned)),
            lease_until: Set(now() + LEASE),
            ..Default::default()
        };
        let order = store::advance(&*tx, order.id, order.state, State::Charging, change).await?.ok_or(OrderError::Busy)?;
        tx.commit().await?;
        self.charge(&cx.without_key(), order, Some((cx, ops::PAY))).await
    }

    /// Finds out how a payment ended whose request is gone, and answers the client's key, should it come again.
    pub(crate) async fn settle_payment(&self, cx: &Ctx, order: order::Model) -> Result<PaymentReply> {
        let client = cx.on_behalf_of(UserId(order.user_id), Role::Customer);
        match &order.payment_key {
            Some(key) => {
                let client = client.with_key(key.as_str());
                self.charge(cx, order, Some((&client, ops::PAY))).await
            }
            None => self.charge(cx, order, None).await,
        }
    }

    pub(crate) async fn confirm_payment(&self, cx: &Ctx, payment: PaymentId) -> Result<PaymentReply> {
        let tx = self.db.begin().await?;
        let order = store::order_of_payment(&*tx, payment).await?;
        let order = own(cx, order).map_err(|_| OrderError::PaymentNotFound)?;
        match order.state {
            State::Pending if order.expires_at > now() => {}
            State::Charging if order.lease_until <= now() => {}
            // said before: the answer of then
            State::Paid | State::Shipped | State::Delivered => {
                drop(tx);
                let payment = self.payment.get(&cx.without_key(), payment).await.map_err(into_fault)?;
                return Ok(PaymentReply { payment });
            }
            State::Charging => return Err(OrderError::Busy),
            state => return Err(OrderError::IllegalState { status: state.status() }),
        }
        let change = order::ActiveModel { lease_until: Set(now() + LEASE), ..Default::default() };
        let order = store::advance(&*tx, order.id, order.state, State::Charging, change).await?.ok_or(OrderError::Busy)?;
        tx.commit().await?;
        let outcome = self.payment.confirm(&cx.without_key(), payment).await;
        self.settle(&cx.without_key(), order, outcome, None).await
    }

    /// Asks the payment module about the order's attempt, for the first time or again, and stores what it answers.
    async fn charge(&self, cx: &Ctx, order: order::Model, asked: Asked<'_>) -> Result<PaymentReply> {
        let currency = order.currency.parse().map_err(|_| Fault::internal("an order without a currency"))?;
        let request = PaymentRequest {
            user_id: UserId(order.user_id),
            amount: Money { minor: order.total_minor, currency }.amount(),
            currency,
            payment_method: order.payment_method.clone().unwrap_or_default(),
        };
        let attempt = u32::try_from(order.attempt).unwrap_or_default();
        let outcome = self.payment.process(cx, OrderId(order.id), attempt, request).await;
        self.settle(cx, order, outcome, asked).await
    }

    async fn settle(
        &self,
        cx: &Ctx,
        order: order::Model,
        outcome: std::result::Result<Payment, PaymentError>,
        asked: Asked<'_>,
    ) -> Result<PaymentReply> {
        match outcome {
            Ok(payment) if payment.status == PaymentStatus::Succeeded => self.paid(cx, order, payment, asked).await,
            Ok(payment) if payment.status == PaymentStatus::RequiresAction => {
                self.back_to_pending(&order, Some(payment.id), "Payment needs an action of the payer", asked, Some(&payment))
                    .await?;
                Ok(PaymentReply { payment })
            }
            Ok(payment) => {
                let reason = payment.failure_reason.unwrap_or_else(|| payment.status.as_str().into());
                self.declined(&order, reason, asked).await
            }
            Err(PaymentError::Declined { reason, .. }) => self.declined(&order, reason, asked).await,
            Err(PaymentError::ProviderUnavailable) => {
                self.back_to_pending(&order, None, "Payment provider not available", asked, None).await?;
                Err(OrderError::ProviderUnavailable)
            }
            Err(PaymentError::UnknownMethod) => {
                self.back_to_pending(&order, None, "Unknown payment method", asked, None).await?;
                Err(OrderError::UnknownMethod)
            }
            Err(other) => {
                let error = match other {
                    // another attempt of this order is not settled yet
                    PaymentError::AlreadyPaid | PaymentError::IllegalState { .. } => OrderError::Busy,
                    other => into_fault(other).into(),
                };
                let tx = self.db.begin().await?;
                store::end_lease(&*tx, order.id, State::Charging, order.attempt).await?;
                if let Some((cx, op)) = asked {
                    idempotency::let_go(&tx, cx, op).await?;
                }
                tx.commit().await?;
                Err(error)
            }
        }
    }

    async fn paid(&self, cx: &Ctx, order: order::Model, payment: Payment, asked: Asked<'_>) -> Result<PaymentReply> {
        let change = order::ActiveModel { payment_id: Set(Some(payment.id.0)), ..Default::default() };
        let reply = PaymentReply { payment };
        let tx = self.db.begin().await?;
        let paid = store::advance(&*tx, order.id, State::Charging, State::Paid, change).await?;
        if let Some(order) = &paid {
            tell::<OrderPaid>(&tx, cx, order, None).await?;
            store::note(&*tx, &[order.id], State::Paid, "Payment received").await?;
            store::add_effect(&*tx, &[order.id], Kind::CommitStock).await?;
        }
        // when it was paid already, someone else asked about the same attempt at the same time and was told the same
        if let Some((cx, op)) = asked {
            idempotency::finish(&tx, cx, op, &reply).await?;
        }
        tx.commit().await?;
        if let Some(order) = &paid {
            self.run_effects(cx, order, Kind::CommitStock).await;
        }
        Ok(reply)
    }

    async fn declined(&self, order: &order::Model, reason: String, asked: Asked<'_>) -> Result<PaymentReply> {
        let note = format!("Payment declined: {reason}");
        self.back_to_pending(order, None, &note, asked, None).await?;
        Err(OrderError::Declined { reason })
    }

    /// Nothing was charged. A reply is kept under the key; without one the key is free for another attempt.
    async fn back_to_pending(
        &self,
        order: &order::Model,
        payment: Option<PaymentId>,
        note: &str,
        asked: Asked<'_>,
        reply: Option<&Payment>,
    ) -> Result<()> {
        let mut change = order::ActiveModel::default();
        if let Some(id) = payment {
            change.payment_id = Set(Some(id.0));
        }
        let tx = self.db.begin().await?;
        if store::advance(&*tx, order.id, State::Charging, State::Pending, change).await?.is_some() {
            store::note(&*tx, &[order.id], State::Pending, note).await?;
        }
        match (asked, reply) {
            (Some((cx, op)), Some(payment)) => {
                let reply = PaymentReply { payment: payment.clone() };
                idempotency::finish(&tx, cx, op, &reply).await?;
            }
            _ => forget(&tx, asked).await?,
        }
        Ok(tx.commit().await?)
    }
}

async fn forget(tx: &kernel::db::Tx, asked: Asked<'_>) -> Result<()> {
    if let Some((cx, op)) = asked {
        idempotency::abandon(tx, cx, op).await?;
    }
    Ok(())
}

/// The order, if it is the caller's own: nobody pays for others.
fn own(cx: &Ctx, row: Option<order::Model>) -> Result<order::Model> {
    let user = cx.user()?;
    visible(cx, row).and_then(|row| if row.user_id == user.0 { Ok(row) } else { Err(OrderError::NotFound) })
}
