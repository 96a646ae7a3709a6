//! Cancelling an order: the stock of an unpaid order is released; a paid order is refunded first.

use crate::{
    CancelOrder, CancelReason, OrderError, OrderReply, OrderStatus,
    context::{Orders, Result},
    entity::{
        effect::Kind,
        order::{self, State},
    },
    meters, ops,
    publish::publish_cancelled,
    rules::{visible, with_note},
    store, view,
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
        let (order, effect) = start_cancelling(&tx, cx, &order, request.reason.as_deref()).await?;
        store::add_effect(&*tx, &[order.id], effect, self.effect_claim_end()).await?;
        // the stored state, not the result of the effect: every repetition gets this reply
        let details = store::details(&*tx, &[order.id]).await?;
        let reply = OrderReply { order: view::order(order.clone(), &details)? };
        held.finish(&tx, &reply).await?;
        tx.commit().await?;
        self.start_effect(cx, order, effect).await;
        Ok(reply)
    }
}

/// Moves the order to its next state; returns it with the effect that must follow.
async fn start_cancelling(tx: &Tx, cx: &Ctx, order: &order::Model, reason: Option<&str>) -> Result<(order::Model, Kind)> {
    let (to, effect) = match order.state {
        State::Pending => (State::Cancelled, Kind::ReleaseStock),
        State::Paid => (State::Refunding, Kind::Refund),
        State::Placing | State::Charging => return Err(OrderError::Busy),
        state => return Err(OrderError::IllegalState { status: state.status() }),
    };
    let order = store::advance(&**tx, order.id, order.state, to).await?.ok_or(OrderError::Busy)?;
    let by = if cx.user()?.0 == order.user_id { CancelReason::Customer } else { CancelReason::Shop };
    publish_cancelled(tx, cx, &order, by, reason).await?;
    store::add_to_timelines(&**tx, &[order.id], to, &with_note("Cancelled", reason)).await?;
    meters::count(tx, OrderStatus::Cancelled, 1);
    Ok((order, effect))
}
