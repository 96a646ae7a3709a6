//! Effects: the calls to other modules that a change of an order requires. An effect is written in the transaction of the change and
//! stays until it is done: the request tries it at once, then the job retries with growing pauses. Every effect is idempotent.

use crate::{
    CancelReason, OrderRefunded, OrderStatus,
    context::{Orders, Result},
    entity::{
        effect::{self, Kind},
        order::{self, State},
    },
    fault::into_fault,
    job_loop::run_claimed,
    meters,
    publish::{publish, publish_cancelled},
    store,
};
use cart::{CartApi, CartVersion};
use kernel::{
    Ctx, Fault, OrderId, UserId,
    chrono::{DateTime, TimeDelta, Utc},
};
use payment::{PaymentApi, PaymentId};
use product::{ProductApi, ProductError};
use std::time::Duration;

/// Deadline of one effect.
const DEADLINE: Duration = Duration::from_secs(10);
/// How long an effect is claimed by the request or job that tries it: longer than the deadline.
const CLAIM: TimeDelta = TimeDelta::seconds(15);
/// How long a reply waits for the effect of its request. Most effects are done by then, and an unavailable module does not delay the
/// reply for longer.
const REPLY_WAIT: Duration = Duration::from_millis(500);

impl Orders {
    /// Until when a new effect is claimed by its request. The job tries the effect afterwards, if it is not done.
    pub(crate) fn effect_claim_end(&self) -> DateTime<Utc> {
        self.db.now() + CLAIM
    }

    /// Starts an effect whose transaction was just committed, with the effects that follow from it, and waits a little for them.
    pub(crate) async fn start_effect(&self, cx: &Ctx, order: order::Model, kind: Kind) {
        let (orders, cx, due_at) = (self.clone(), cx.without_key(), self.effect_claim_end());
        let work = self.jobs.spawn(async move {
            let effect = effect::Model { order_id: order.id, kind, attempts: 0, due_at };
            orders.run_effects(&cx, effect, Some(&order)).await;
        });
        // after the time-out the work continues on its own
        drop(tokio::time::timeout(REPLY_WAIT, work).await);
    }

    /// Runs the due effects of this kind. Each kind has its own job, so that a slow or unavailable module holds up only its own
    /// effects.
    pub(crate) async fn run_due_effects(&self, kind: Kind) -> Result<()> {
        let claim = |limit| async move {
            let now = self.db.now();
            let effects = store::claim_effects(&self.db, kind, now, now + CLAIM, limit).await?;
            let ids: Vec<i64> = effects.iter().map(|effect| effect.order_id).collect();
            let orders = if ids.is_empty() { Vec::new() } else { store::orders(self.db.read(), &ids).await? };
            let with_order = |effect: effect::Model| {
                // an order that was never placed is deleted
                let order = orders.iter().find(|order| order.id == effect.order_id).cloned();
                (effect, order)
            };
            Ok(effects.into_iter().map(with_order).collect())
        };
        let run = |(effect, order): (effect::Model, Option<order::Model>)| async move {
            self.run_effects(&Ctx::anonymous(DEADLINE), effect, order.as_ref()).await;
        };
        run_claimed(&self.jobs, claim, run).await
    }

    /// Runs an effect, then the effects that follow from it. A failed effect is retried later.
    async fn run_effects(&self, cx: &Ctx, mut effect: effect::Model, order: Option<&order::Model>) {
        loop {
            let cx = Ctx::new(cx.principal(), DEADLINE).in_trace(cx.trace());
            match self.run_effect(&cx, &effect, order).await {
                Some(kind) => effect = effect::Model { kind, attempts: 0, ..effect },
                None => return,
            }
        }
    }

    /// Returns the effect that follows, if there is one.
    async fn run_effect(&self, cx: &Ctx, effect: &effect::Model, order: Option<&order::Model>) -> Option<Kind> {
        match self.perform(cx, effect, order).await {
            Ok(next) => next,
            Err(error) => {
                tracing::warn!(order = effect.order_id, effect = ?effect.kind, attempts = effect.attempts, %error, "effect failed; it is retried later");
                // if this fails too, the effect is due when the claim ends
                drop(store::retry_later(self.db.write(), effect, self.db.now()).await);
                None
            }
        }
    }

    async fn perform(&self, cx: &Ctx, effect: &effect::Model, order: Option<&order::Model>) -> Result<Option<Kind>> {
        let id = OrderId(effect.order_id);
        let existing = || order.ok_or_else(|| Fault::internal(format_args!("order {id} has an effect but does not exist")));
        match effect.kind {
            Kind::ReleaseStock => self.product.release(cx, id).await.map_err(into_fault)?,
            Kind::ClearCart => {
                let order = existing()?;
                let version = CartVersion { version: order.cart_version };
                self.cart.ordered(cx, UserId(order.user_id), version).await.map_err(into_fault)?;
            }
            Kind::CommitStock => match self.product.commit(cx, id).await {
                Ok(()) => {}
                Err(ProductError::HoldEnded) => return self.refund_lost_stock(cx, effect).await,
                Err(error) => return Err(into_fault(error).into()),
            },
            Kind::Refund => return self.refund(cx, effect, existing()?).await,
        }
        store::delete_effect(self.db.write(), effect).await?;
        Ok(None)
    }

    async fn refund(&self, cx: &Ctx, effect: &effect::Model, row: &order::Model) -> Result<Option<Kind>> {
        let payment = row.payment_id.ok_or_else(|| Fault::internal("a paid order has no payment"))?;
        self.payment.refund(cx, PaymentId(payment)).await.map_err(into_fault)?;
        let tx = self.db.begin().await?;
        let refunded = store::advance(&*tx, row.id, State::Refunding, State::Refunded).await?;
        if let Some(row) = &refunded {
            publish::<OrderRefunded>(&tx, cx, row, None).await?;
            store::add_to_timelines(&*tx, &[row.id], State::Refunded, "Money given back").await?;
            meters::count(&tx, OrderStatus::Refunded, 1);
            store::add_effect(&*tx, &[row.id], Kind::ReleaseStock, self.effect_claim_end()).await?;
        }
        store::delete_effect(&*tx, effect).await?;
        tx.commit().await?;
        Ok(refunded.map(|_| Kind::ReleaseStock))
    }

    /// Cancels a paid order whose hold ended before the payment was settled, and adds the effect that refunds it.
    async fn refund_lost_stock(&self, cx: &Ctx, effect: &effect::Model) -> Result<Option<Kind>> {
        let tx = self.db.begin().await?;
        let refunding = store::advance(&*tx, effect.order_id, State::Paid, State::Refunding).await?;
        if let Some(row) = &refunding {
            publish_cancelled(&tx, cx, row, CancelReason::StockLost, None).await?;
            store::add_to_timelines(&*tx, &[effect.order_id], State::Refunding, "Cancelled: the stock was no longer held")
                .await?;
            store::add_effect(&*tx, &[effect.order_id], Kind::Refund, self.effect_claim_end()).await?;
            meters::count(&tx, OrderStatus::Cancelled, 1);
        }
        store::delete_effect(&*tx, effect).await?;
        tx.commit().await?;
        Ok(refunding.map(|_| Kind::Refund))
    }
}
