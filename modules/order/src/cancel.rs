//! Cancelling an order: an unpaid one gives its stock back, a paid one its money first.

use crate::{
    CancelOrder, CancelReason, OrderError, OrderReply,
    entity::{
        effect::Kind,
        order::{self, State},
    },
    ops,
    service::{Orders, Result, visible, with_reason},
    store,
    tell::tell_cancelled,
    view,
};
use kernel::{
    Ctx, OrderId,
    db::Tx,
    idempotency::{self, Begun},
};

impl Orders {
    pub(crate) async fn cancel_order(&self, cx: &Ctx, id: OrderId, request: CancelOrder) -> Result<OrderReply> {
        let (tx, held) = match idempotency::begin(&self.db, cx, ops::CANCEL, &(id, &request)).await? {
            Begun::Before(answer) => return answer,
            Begun::Now(tx, held) => (tx, held),
        };
        let order = visible(cx, store::order(&*tx, id).await?)?;
        let (order, effect) = begin_cancelling(&tx, cx, &order, request.reason.as_deref()).await?;
        store::add_effect(&*tx, &[order.id], effect, self.own_effects_due()).await?;
        // what is stored now, and not what will come of it: the reply belongs to the change
        let reply = OrderReply { order: view::complete_one(&*tx, order.clone()).await? };
        held.finish(&tx, &reply).await?;
        tx.commit().await?;
        self.begin_effects(cx, order, effect).await;
        Ok(reply)
    }
}

/// Moves the order on; returns what has to follow.
async fn begin_cancelling(tx: &Tx, cx: &Ctx, order: &order::Model, reason: Option<&str>) -> Result<(order::Model, Kind)> {
    let (to, effect) = match order.state {
        State::Pending => (State::Cancelled, Kind::ReleaseStock),
        State::Paid => (State::Refunding, Kind::Refund),
        State::Placing | State::Charging => return Err(OrderError::Busy),
        state => return Err(OrderError::IllegalState { status: state.status() }),
    };
    let order = store::advance(&**tx, order.id, order.state, to, Default::default()).await?.ok_or(OrderError::Busy)?;
    let by = if cx.user()?.0 == order.user_id { CancelReason::Customer } else { CancelReason::Shop };
    tell_cancelled(tx, cx, &order, by, reason).await?;
    store::note(&**tx, &[order.id], to, &with_reason("Cancelled", reason)).await?;
    Ok((order, effect))
}
