//! What an order wants of other modules. The wish is written in the transaction of the change and stays until it is fulfilled: tried at
//! once by the request, then by the job with growing pauses. Every effect may happen twice without harm.

use crate::{
    CancelReason, OrderRefunded,
    checkout::into_fault,
    entity::{
        effect::{self, Kind},
        order::{self, State},
    },
    service::{Orders, Result},
    store,
    tell::{tell, tell_cancelled},
    window::work_through,
};
use cart::{CartApi, CartVersion};
use kernel::{
    Ctx, Fault, OrderId, UserId,
    chrono::{DateTime, TimeDelta, Utc},
};
use payment::{PaymentApi, PaymentId};
use product::{ProductApi, ProductError};
use std::time::Duration;

/// How long one effect may take.
const BUDGET: Duration = Duration::from_secs(10);
/// How long an effect is left to whoever tries it: longer than it may take.
const CLAIM: TimeDelta = TimeDelta::seconds(15);
/// How long a reply waits for the effects of its request: they are usually fulfilled by then, and a module that is slow or away
/// does not make it late.
const PATIENCE: Duration = Duration::from_millis(500);

impl Orders {
    /// When the job tries an effect that a request asks for, unless the request has fulfilled it by then.
    pub(crate) fn own_effects_due(&self) -> DateTime<Utc> {
        self.db.now() + CLAIM
    }

    /// Begins to fulfil a wish whose transaction was just committed, and what follows from it, and waits a little for that.
    pub(crate) async fn begin_effects(&self, cx: &Ctx, order: order::Model, wish: Kind) {
        let (orders, cx, due_at) = (self.clone(), cx.without_key(), self.own_effects_due());
        let work = self.jobs.spawn(async move {
            let effect = effect::Model { order_id: order.id, kind: wish, attempts: 0, due_at };
            orders.try_effects(&cx, effect, Some(&order)).await;
        });
        // dropped, it runs on
        drop(tokio::time::timeout(PATIENCE, work).await);
    }

    /// Tries the effects of this kind whose time has come. Each kind has its own job: a module that is slow or away holds up only
    /// what is wanted of it.
    pub(crate) async fn run_due_effects(&self, kind: Kind) -> Result<()> {
        let take = |limit| async move {
            let now = self.db.now();
            let due = store::take_effects(&self.db, kind, now, now + CLAIM, limit).await?;
            let ids: Vec<i64> = due.iter().map(|effect| effect.order_id).collect();
            let orders = if ids.is_empty() { Vec::new() } else { store::orders(self.db.read(), &ids).await? };
            let with_order = |effect: effect::Model| {
                // it may be gone: it was never placed
                let order = orders.iter().find(|order| order.id == effect.order_id).cloned();
                (effect, order)
            };
            Ok(due.into_iter().map(with_order).collect())
        };
        let run = |(effect, order): (effect::Model, Option<order::Model>)| async move {
            self.try_effects(&Ctx::anonymous(BUDGET), effect, order.as_ref()).await;
        };
        work_through(&self.jobs, take, run).await
    }

    /// Tries an effect, and then what follows from it. What fails is put off.
    async fn try_effects(&self, cx: &Ctx, mut effect: effect::Model, order: Option<&order::Model>) {
        loop {
            let cx = Ctx::new(cx.principal(), BUDGET).in_trace(cx.trace());
            match self.try_effect(&cx, &effect, order).await {
                Some(kind) => effect = effect::Model { kind, attempts: 0, ..effect },
                None => return,
            }
        }
    }

    /// What follows from it, if it was fulfilled and something does.
    async fn try_effect(&self, cx: &Ctx, effect: &effect::Model, order: Option<&order::Model>) -> Option<Kind> {
        match self.fulfil(cx, effect, order).await {
            Ok(next) => next,
            Err(error) => {
                tracing::warn!(order = effect.order_id, effect = ?effect.kind, attempts = effect.attempts, %error, "put off");
                // when even that fails, it is due again sooner
                drop(store::put_off(self.db.write(), effect, self.db.now()).await);
                None
            }
        }
    }

    async fn fulfil(&self, cx: &Ctx, effect: &effect::Model, order: Option<&order::Model>) -> Result<Option<Kind>> {
        let id = OrderId(effect.order_id);
        let there = || order.ok_or_else(|| Fault::internal(format_args!("order {id} has an effect but does not exist")));
        match effect.kind {
            Kind::ReleaseStock => self.product.release(cx, id).await.map_err(into_fault)?,
            Kind::ClearCart => {
                let order = there()?;
                let version = CartVersion { version: order.cart_version };
                self.cart.ordered(cx, UserId(order.user_id), version).await.map_err(into_fault)?;
            }
            Kind::CommitStock => match self.product.commit(cx, id).await {
                Ok(()) => {}
                Err(ProductError::HoldEnded) => return self.give_up(cx, effect).await,
                Err(error) => return Err(into_fault(error).into()),
            },
            Kind::Refund => return self.refund(cx, effect, there()?).await,
        }
        store::delete_effect(self.db.write(), effect).await?;
        Ok(None)
    }

    async fn refund(&self, cx: &Ctx, effect: &effect::Model, row: &order::Model) -> Result<Option<Kind>> {
        let payment = row.payment_id.ok_or_else(|| Fault::internal("a paid order without a payment"))?;
        self.payment.refund(cx, PaymentId(payment)).await.map_err(into_fault)?;
        let tx = self.db.begin().await?;
        let refunded = store::advance(&*tx, row.id, State::Refunding, State::Refunded, Default::default()).await?;
        if let Some(row) = &refunded {
            tell::<OrderRefunded>(&tx, cx, row, None).await?;
            store::note(&*tx, &[row.id], State::Refunded, "Money given back").await?;
            store::add_effect(&*tx, &[row.id], Kind::ReleaseStock, self.own_effects_due()).await?;
        }
        store::delete_effect(&*tx, effect).await?;
        tx.commit().await?;
        Ok(refunded.map(|_| Kind::ReleaseStock))
    }

    /// Paid, but the stock was no longer held: settling the payment took longer than the hold. The money goes back.
    async fn give_up(&self, cx: &Ctx, effect: &effect::Model) -> Result<Option<Kind>> {
        let tx = self.db.begin().await?;
        let refunding = store::advance(&*tx, effect.order_id, State::Paid, State::Refunding, Default::default()).await?;
        if let Some(row) = &refunding {
            tell_cancelled(&tx, cx, row, CancelReason::StockLost, None).await?;
            store::note(&*tx, &[effect.order_id], State::Refunding, "Cancelled: the stock was no longer held").await?;
            store::add_effect(&*tx, &[effect.order_id], Kind::Refund, self.own_effects_due()).await?;
        }
        store::delete_effect(&*tx, effect).await?;
        tx.commit().await?;
        Ok(refunding.map(|_| Kind::Refund))
    }
}
