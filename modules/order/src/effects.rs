//! What an order wants of other modules. The wish is written in the transaction of the change and stays until it is fulfilled: tried at
//! once by the request, then by the job with growing pauses. Every effect may happen twice without harm.

use crate::{
    OrderCancelled, OrderRefunded,
    checkout::into_fault,
    entity::{
        effect::{self, Kind},
        order::{self, State},
    },
    service::{Orders, Result},
    store,
    tell::tell,
};
use cart::{CartApi, CartVersion};
use kernel::{Ctx, Fault, OrderId, UserId};
use payment::{PaymentApi, PaymentId};
use product::{ProductApi, ProductError};
use std::time::Duration;

/// What an effect leaves to be done.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Follows {
    Nothing,
    /// It wishes for another effect: after a refund the stock is released.
    Another,
}

/// How long one effect may take in the background.
const BUDGET: Duration = Duration::from_secs(10);

impl Orders {
    /// Tries the effects of an order, the ones that follow from them included. What fails is put off.
    pub(crate) async fn run_effects(&self, cx: &Ctx, order: OrderId) {
        let cx = cx.without_key();
        let mut more = true;
        while more {
            // a fault was logged where it was made; the job tries again
            let Ok(effects) = store::effects(self.db.read(), order).await else { return };
            more = false;
            for effect in effects {
                match self.try_effect(&cx, &effect).await {
                    Some(follows) => more |= follows == Follows::Another,
                    None => return,
                }
            }
        }
    }

    /// Tries effects whose time has come; returns how many there were.
    pub(crate) async fn run_due_effects(&self) -> Result<usize> {
        let due = store::due_effects(self.db.read(), 50).await?;
        for effect in &due {
            self.try_effect(&Ctx::anonymous(BUDGET), effect).await;
        }
        Ok(due.len())
    }

    /// `None` when it failed and was put off.
    async fn try_effect(&self, cx: &Ctx, effect: &effect::Model) -> Option<Follows> {
        match self.fulfil(cx, effect).await {
            Ok(follows) => Some(follows),
            Err(error) => {
                tracing::warn!(order = effect.order_id, effect = ?effect.kind, attempts = effect.attempts, %error, "put off");
                // when even that fails, it is due again sooner
                drop(store::put_off(self.db.write(), effect).await);
                None
            }
        }
    }

    async fn fulfil(&self, cx: &Ctx, effect: &effect::Model) -> Result<Follows> {
        let order = OrderId(effect.order_id);
        match effect.kind {
            // the order may be gone: it was never placed
            Kind::ReleaseStock => self.product.release(cx, order).await.map_err(into_fault)?,
            Kind::ClearCart => {
                let row = self.row(order).await?;
                let version = CartVersion { version: row.cart_version };
                self.cart.ordered(cx, UserId(row.user_id), version).await.map_err(into_fault)?;
            }
            Kind::CommitStock => match self.product.commit(cx, order).await {
                Ok(()) => {}
                Err(ProductError::HoldEnded) => return self.give_up(cx, effect).await.map(|()| Follows::Another),
                Err(error) => return Err(into_fault(error).into()),
            },
            Kind::Refund => return self.refund(cx, effect).await.map(|()| Follows::Another),
        }
        store::delete_effect(self.db.write(), effect).await?;
        Ok(Follows::Nothing)
    }

    async fn refund(&self, cx: &Ctx, effect: &effect::Model) -> Result<()> {
        let row = self.row(OrderId(effect.order_id)).await?;
        let payment = row.payment_id.ok_or_else(|| Fault::internal("a paid order without a payment"))?;
        self.payment.refund(cx, PaymentId(payment)).await.map_err(into_fault)?;
        let tx = self.db.begin().await?;
        if let Some(row) = store::advance(&*tx, row.id, State::Refunding, State::Refunded, Default::default()).await? {
            tell::<OrderRefunded>(&tx, cx, &row, None).await?;
            store::note(&*tx, &[row.id], State::Refunded, "Money given back").await?;
            store::add_effect(&*tx, &[row.id], Kind::ReleaseStock).await?;
        }
        store::delete_effect(&*tx, effect).await?;
        Ok(tx.commit().await?)
    }

    /// Paid, but the stock was no longer held: settling the payment took longer than the hold. The money goes back.
    async fn give_up(&self, cx: &Ctx, effect: &effect::Model) -> Result<()> {
        let tx = self.db.begin().await?;
        if let Some(row) = store::advance(&*tx, effect.order_id, State::Paid, State::Refunding, Default::default()).await? {
            tell::<OrderCancelled>(&tx, cx, &row, Some("The stock was no longer held")).await?;
            store::note(&*tx, &[effect.order_id], State::Refunding, "Cancelled: the stock was no longer held").await?;
            store::add_effect(&*tx, &[effect.order_id], Kind::Refund).await?;
        }
        store::delete_effect(&*tx, effect).await?;
        Ok(tx.commit().await?)
    }

    async fn row(&self, order: OrderId) -> Result<order::Model> {
        let row = store::order(self.db.read(), order).await?;
        Ok(row.ok_or_else(|| Fault::internal(format_args!("order {order} has an effect but does not exist")))?)
    }
}
